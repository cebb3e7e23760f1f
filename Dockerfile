# One file, two images: `--target app` is the replica, `--target loadgen` the load
# generator. The public images it names can be replaced by images of the same names,
# where no registry answers: see .ci/base-images.

# Dependencies are built in layers of their own, from the manifests and empty sources:
# a change of a source file rebuilds our crates and nothing else. This stage runs again
# with each change, but what it leaves is the same, and so the layers after it are kept.
FROM rust:1.95-slim-bookworm AS manifests
WORKDIR /src
COPY . .
# Cargo wants to see a file for each target, and our lints a line of documentation.
RUN find app loadgen benches -type f -regextype posix-extended ! -regex \
      '[^/]+/(Cargo.toml|build.rs|src/(lib|main|bin/.+).rs|(tests|benches)/([^/]+|[^/]+/main).rs)' \
      -delete \
 && find app loadgen benches -type d -empty -delete \
 && for source in $(find app loadgen benches -name '*.rs'); do \
      printf '//! Empty.\nfn main() {}\n' >"$source"; \
    done

FROM rust:1.95-slim-bookworm AS dependencies
WORKDIR /src
# Nobody debugs inside these images; without symbols they are small and build faster.
ENV CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=symbols
COPY --from=manifests /src .

FROM dependencies AS app-dependencies
RUN cargo build --release --locked --package app

FROM app-dependencies AS app-build
COPY app app
# Newer than what was built from the empty files, or cargo would keep that.
RUN find app -name '*.rs' -exec touch {} + && cargo build --release --locked --package app

FROM debian:bookworm-slim AS app
COPY --from=app-build /src/target/release/app /usr/local/bin/app
# A number, so that anybody can see that it is not root; it owns nothing.
USER 65532:65532
EXPOSE 80
ENTRYPOINT ["app"]

# The load generator comes after the replica: the classic builder builds every stage up
# to its target, and the stack needs the replica alone.
FROM app-dependencies AS loadgen-dependencies
RUN cargo build --release --locked --package loadgen

FROM loadgen-dependencies AS loadgen-build
COPY app app
COPY loadgen loadgen
RUN find app loadgen -name '*.rs' -exec touch {} + \
 && cargo build --release --locked --package loadgen

FROM debian:bookworm-slim AS loadgen
COPY --from=loadgen-build /src/target/release/loadgen /usr/local/bin/loadgen
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["loadgen"]
