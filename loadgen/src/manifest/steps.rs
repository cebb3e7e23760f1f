//! What to type with a manifest, for people.

use super::Asked;
use crate::model::grouped;

/// How it is applied, how what the workers say is collected, and how all of it is removed.
pub(super) fn of(asked: &Asked, name: &str, log_bytes: u64) -> String {
    let Asked { run, workers, .. } = asked;
    let namespace = asked.namespace.as_ref();
    let namespace = namespace.map_or_else(String::new, |name| format!(" --namespace {name}"));
    let kubectl = format!("kubectl{namespace}");
    let start = humantime::format_rfc3339_seconds(asked.start);
    format!(
        "\
Job {name} of {workers} workers, each estimated to log {} bytes; the load begins at {start}.
To begin, before that:
  {kubectl} apply --server-side -f -
When the Job is over, within an hour:
  {kubectl} get configmap/{name} -o jsonpath='{{.data.job}}' > {name}.json
  {kubectl} logs -l loadgen.run={run} --tail=-1 --max-log-requests {workers} --prefix=false \\
    | loadgen collect {name}.json - --workers {workers} --run-id {run}
To remove it:
  {kubectl} delete job,configmap,secret -l loadgen.run={run}",
        grouped(log_bytes)
    )
}
