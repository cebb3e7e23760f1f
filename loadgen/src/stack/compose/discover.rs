//! Makes a topology of labelled containers: which project, which ports, which replica.
//!
//! **Invariant:** pure; what the engine said comes in, the topology goes out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::engine::{Container, Inspection};
use crate::model::{Proxy, ProxyCounter, Replica, ReplicaId, StackKind, Topology};
use crate::model::{ReplicaStatus, RunState};
use crate::stack::{Project, StackError};

const GROUP: &str = "loadgen.group";
const PORT: &str = "loadgen.port";
const STATUS_PORT: &str = "loadgen.status-port";
const PROJECT: &str = "com.docker.compose.project";
const FOLDER: &str = "com.docker.compose.project.working_dir";
const FILES: &str = "com.docker.compose.project.config_files";
pub(super) const SERVICE: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// The port a replica or proxy listens on inside its container, where no label says so.
const USUAL_PORT: u16 = 80;
/// The path of NGINX's counters in `nginx.conf`.
const STATUS_PATH: &str = "/status";

/// One compose project's containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The project's name.
    pub(super) project: String,
    /// The folder it was started in.
    pub(super) folder: String,
    /// The files it was made of, as compose wrote them down.
    pub(super) files: String,
    /// Replicas by group and number, whatever their state.
    pub(super) replicas: Vec<Container>,
    /// The proxy, whatever its state.
    pub(super) proxy: Option<Container>,
}

impl Found {
    /// Whether there is anything to load: a proxy and a replica that run.
    pub(super) fn is_up(&self) -> bool {
        self.proxy.as_ref().is_some_and(|proxy| proxy.running)
            && self.replicas.iter().any(|replica| replica.running)
    }

    /// The project as it was made, wherever loadgen was started: another set of files would be
    /// another stack to the compose tool.
    pub(super) fn project(&self, asked: &Project) -> Project {
        let files = self.files.split(',').filter(|file| !file.is_empty());
        Project {
            directory: self.folder.clone().into(),
            name: Some(self.project.clone()),
            files: files.map(str::to_owned).collect(),
            ..asked.clone()
        }
    }

    /// The proxy and all replicas.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Container> {
        self.replicas.iter().chain(&self.proxy)
    }

    /// The groups, in order.
    pub(super) fn groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = self.replicas.iter().map(group_of).collect();
        groups.dedup();
        groups
    }

    /// For each compose service of replicas, how many of its containers run.
    pub(super) fn scale(&self) -> BTreeMap<String, u32> {
        let mut scale = BTreeMap::new();
        for replica in &self.replicas {
            if let Some(service) = replica.label(SERVICE) {
                *scale.entry(service.to_owned()).or_default() += u32::from(replica.running);
            }
        }
        scale
    }
}

/// The project whose running container publishes a port of this machine.
pub(super) fn holder(containers: &[Container], port: u16) -> Option<String> {
    let holds =
        |one: &&Container| one.running && one.bindings.iter().any(|binding| binding.port == port);
    let container = containers.iter().find(holds)?;
    let project = container.label(PROJECT)?;
    let folder = container.label(FOLDER).unwrap_or("folder unknown");
    Some(format!("compose project {project} ({folder})"))
}

/// Whether the project that would be brought up has any container, running or not.
pub(super) fn has_containers(containers: &[Container], asked: &Project) -> bool {
    let here = asked.directory.canonicalize();
    let is_ours = |one: &Container| match (&asked.name, &here) {
        (Some(name), _) => one.label(PROJECT) == Some(name),
        (None, Ok(here)) => one
            .label(FOLDER)
            .is_some_and(|folder| Path::new(folder) == here),
        (None, Err(_)) => false,
    };
    containers.iter().any(is_ours)
}

/// The project that is meant: by its name, by the folder it was started in, or the only one.
pub(super) fn choose(
    containers: Vec<Container>,
    asked: &Project,
) -> Result<Option<Found>, StackError> {
    let mut projects: BTreeMap<String, Found> = BTreeMap::new();
    for container in containers {
        let one_off = container
            .label(ONE_OFF)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let Some(project) = container.label(PROJECT).filter(|_| !one_off) else {
            continue;
        };
        let found = projects.entry(project.to_owned()).or_default();
        project.clone_into(&mut found.project);
        container
            .label(FOLDER)
            .unwrap_or_default()
            .clone_into(&mut found.folder);
        container
            .label(FILES)
            .unwrap_or_default()
            .clone_into(&mut found.files);
        match container.role() {
            Some("proxy") => found.proxy = Some(container),
            Some("replica") => found.replicas.push(container),
            _ => {}
        }
    }
    for found in projects.values_mut() {
        found.replicas.sort_by_key(|replica| {
            let number: u32 = replica
                .label(NUMBER)
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            (group_of(replica), number)
        });
    }
    if let Some(name) = &asked.name {
        return Ok(projects.remove(name));
    }
    only(projects.into_values().collect(), &asked.directory)
}

/// The one project of this folder, else the only one that runs at all.
fn only(projects: Vec<Found>, directory: &Path) -> Result<Option<Found>, StackError> {
    let here = directory.canonicalize();
    let is_here = |found: &Found| {
        here.as_ref()
            .is_ok_and(|here| Path::new(&found.folder) == here)
    };
    let (own, foreign): (Vec<_>, Vec<_>) = projects.into_iter().partition(is_here);
    let candidates = if own.is_empty() {
        foreign.into_iter().filter(Found::is_up).collect()
    } else if own.len() == 1 {
        own
    } else {
        own.into_iter().filter(Found::is_up).collect()
    };
    match <[Found; 1]>::try_from(candidates) {
        Ok([found]) => Ok(Some(found)),
        Err(none) if none.is_empty() => Ok(None),
        Err(several) => Err(StackError::SeveralProjects {
            projects: several
                .iter()
                .map(|found| format!("{} ({})", found.project, found.folder))
                .collect(),
        }),
    }
}

/// What a run has to know of a project. `host` is where unbound ports are published.
pub(super) fn topology(
    found: &Found,
    inspections: &[Inspection],
    host: &str,
    why: String,
) -> Result<Topology, StackError> {
    let lacks = |lack: &str| StackError::Incomplete {
        project: found.project.clone(),
        lack: lack.to_owned(),
    };
    let proxy = found.proxy.as_ref().filter(|proxy| proxy.running);
    let proxy = proxy.ok_or_else(|| lacks("has no running proxy"))?;
    let target = origin(proxy, port_of(proxy), host)
        .ok_or_else(|| lacks("does not publish its proxy's port to this machine"))?;
    let status_port: Option<u16> = proxy.label(STATUS_PORT).and_then(|port| port.parse().ok());
    let status = status_port.and_then(|port| origin(proxy, port, host));
    let running = found.replicas.iter().zip(inspections);
    let replicas = running
        .filter(|(container, inspection)| container.running && !inspection.stopped)
        .map(|(container, inspection)| {
            let origin = origin(container, port_of(container), host).ok_or_else(|| {
                let id = container.short_id();
                lacks(&format!("does not publish the port of replica {id}"))
            })?;
            Ok(Replica {
                group: group_of(container),
                id: id_of(container, inspection),
                metrics_url: format!("{origin}/metrics"),
            })
        })
        .collect::<Result<Vec<_>, StackError>>()?;
    if replicas.is_empty() {
        return Err(lacks("has no running replica"));
    }
    Ok(Topology {
        kind: StackKind::Compose,
        why,
        proxy: Proxy {
            name: name_of(proxy),
            target,
            counter: status.map(|origin| ProxyCounter::StubStatus {
                url: format!("{origin}{STATUS_PATH}"),
            }),
            // `zone` in nginx.conf makes the workers share one rotation.
            workers: 1,
        },
        groups: found.groups(),
        replicas,
    })
}

/// What has become of each replica.
pub(super) fn statuses(
    found: &Found,
    inspections: &[Inspection],
    host: &str,
) -> Vec<ReplicaStatus> {
    let replicas = found.replicas.iter().zip(inspections);
    replicas
        .map(|(container, inspection)| ReplicaStatus {
            group: group_of(container),
            id: id_of(container, inspection),
            state: match (container.running, inspection.stopped) {
                (true, false) if inspection.networks.is_empty() => {
                    RunState::Ended("in no network".to_owned())
                }
                (true, false) => RunState::Running,
                // It died after the list was made.
                (true, true) => RunState::Ended("just now".to_owned()),
                (false, _) => RunState::Ended(container.status.clone()),
            },
            health: inspection.health.clone(),
            started_at: inspection.started_at.clone(),
            restarts: inspection.restarts,
            metrics_url: origin(container, port_of(container), host)
                .map(|origin| format!("{origin}/metrics")),
        })
        .collect()
}

/// The proxy's software and its version, for people.
pub(super) fn name_of(proxy: &Container) -> String {
    proxy.image.replacen(':', " ", 1)
}

/// The host name that `GET /` answers with.
pub(super) fn id_of(container: &Container, inspection: &Inspection) -> ReplicaId {
    let hostname = inspection
        .hostname
        .as_deref()
        .filter(|name| !name.is_empty());
    ReplicaId(hostname.unwrap_or(container.short_id()).to_owned())
}

pub(super) fn group_of(container: &Container) -> String {
    let group = container.label(GROUP).or_else(|| container.label(SERVICE));
    group.unwrap_or_default().to_owned()
}

/// The port of this machine that leads to what a container is asked for, where it has one.
pub(super) fn published(container: &Container) -> Option<u16> {
    let port = port_of(container);
    let mut bindings = container.bindings.iter();
    let binding = bindings.find(|binding| binding.container_port == port)?;
    Some(binding.port)
}

fn port_of(container: &Container) -> u16 {
    container
        .label(PORT)
        .and_then(|port| port.parse().ok())
        .unwrap_or(USUAL_PORT)
}

/// Where a container's port is reached from here. The same port may be published on
/// different ones for IPv4 and IPv6 (engine 20.10), so one family is chosen: the fourth.
fn origin(container: &Container, container_port: u16, host: &str) -> Option<String> {
    let mut bindings: Vec<_> = container
        .bindings
        .iter()
        .filter(|binding| binding.container_port == container_port)
        .collect();
    bindings.sort_by_key(|binding| binding.address.is_ipv6());
    let binding = bindings.first()?;
    Some(match binding.address {
        address if address.is_unspecified() => format!("http://{host}:{}", binding.port),
        IpAddr::V4(address) => format!("http://{address}:{}", binding.port),
        IpAddr::V6(address) => format!("http://[{address}]:{}", binding.port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::compose::engine::Binding;

    fn container(id: &str, labels: &[(&str, &str)], bindings: &[(u16, &str, u16)]) -> Container {
        let label = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Container {
            id: format!("{id:0<64}"),
            labels: labels.iter().map(label).collect(),
            image: "nginx:1.30".to_owned(),
            running: true,
            status: "Up".to_owned(),
            bindings: bindings
                .iter()
                .map(|(container_port, address, port)| Binding {
                    container_port: *container_port,
                    address: address.parse().unwrap(),
                    port: *port,
                })
                .collect(),
        }
    }

    fn replica(project: &str, folder: &str, number: &str) -> Container {
        let labels = [
            ("loadgen.role", "replica"),
            ("loadgen.group", "g"),
            (PROJECT, project),
            (FOLDER, folder),
            (SERVICE, "g"),
            (NUMBER, number),
        ];
        let bindings = [(80, "::", 9103), (80, "0.0.0.0", 9105), (81, "0.0.0.0", 1)];
        container(&format!("{number}abc"), &labels, &bindings)
    }

    fn proxy(project: &str, folder: &str) -> Container {
        let labels = [
            ("loadgen.role", "proxy"),
            (STATUS_PORT, "8081"),
            (PROJECT, project),
            (FOLDER, folder),
        ];
        let bindings = [(80, "127.0.0.1", 8000), (8081, "127.0.0.1", 8001)];
        container("p", &labels, &bindings)
    }

    fn here() -> String {
        let here = Path::new(".").canonicalize().unwrap();
        here.to_str().unwrap().to_owned()
    }

    #[test]
    fn replicas_are_reached_by_their_ipv4_binding_in_the_order_of_their_numbers() {
        let containers = ["10", "2"].map(|number| replica("p", "/p", number));
        let containers = [containers.to_vec(), vec![proxy("p", "/p")]].concat();
        let found = choose(containers, &Project::default()).unwrap().unwrap();
        let inspections = [Inspection::default(), Inspection::default()];
        let topology = topology(&found, &inspections, "10.0.0.1", String::new()).unwrap();
        let replicas: Vec<_> = topology
            .replicas
            .iter()
            .map(|replica| (replica.id.0.as_str(), replica.metrics_url.as_str()))
            .collect();
        assert_eq!(
            replicas,
            [
                ("2abc00000000", "http://10.0.0.1:9105/metrics"),
                ("10abc0000000", "http://10.0.0.1:9105/metrics"),
            ]
        );
        assert_eq!(topology.proxy.target, "http://127.0.0.1:8000");
        assert_eq!(topology.proxy.name, "nginx 1.30");
        assert_eq!(
            topology.proxy.counter,
            Some(ProxyCounter::StubStatus {
                url: "http://127.0.0.1:8001/status".to_owned()
            })
        );
    }

    #[test]
    fn the_project_of_this_folder_wins_over_others() {
        let containers = || {
            vec![
                replica("foreign", "/elsewhere", "1"),
                proxy("foreign", "/elsewhere"),
                replica("own", &here(), "1"),
                proxy("own", &here()),
            ]
        };
        let found = choose(containers(), &Project::default()).unwrap().unwrap();
        assert_eq!(found.project, "own");
        let by_name = Project {
            name: Some("foreign".to_owned()),
            ..Project::default()
        };
        let found = choose(containers(), &by_name).unwrap().unwrap();
        assert_eq!(found.project, "foreign");
    }

    #[test]
    fn who_holds_a_port_is_known_by_its_project_and_what_is_ours_by_name_or_folder() {
        let containers = vec![
            replica("foreign", "/elsewhere", "1"),
            proxy("foreign", "/elsewhere"),
        ];
        assert_eq!(
            holder(&containers, 8001).as_deref(),
            Some("compose project foreign (/elsewhere)")
        );
        assert_eq!(holder(&containers, 9), None);
        let mut stopped = containers.clone();
        for one in &mut stopped {
            one.running = false;
        }
        assert_eq!(holder(&stopped, 8001), None);
        let named = |name: &str| Project {
            name: Some(name.to_owned()),
            ..Project::default()
        };
        assert!(has_containers(&containers, &named("foreign")));
        assert!(!has_containers(&containers, &named("own")));
        assert!(!has_containers(&containers, &Project::default()));
    }

    #[test]
    fn several_foreign_projects_are_named() {
        let containers = ["a", "b"].map(|name| [replica(name, "/x", "1"), proxy(name, "/x")]);
        let error = choose(containers.concat(), &Project::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "several compose projects are running: a (/x) and b (/x)"
        );
    }

    #[test]
    fn a_project_without_a_running_proxy_is_not_up_and_says_what_it_lacks() {
        let mut stopped = proxy("p", &here());
        stopped.running = false;
        let containers = vec![replica("p", &here(), "1"), stopped];
        let found = choose(containers, &Project::default()).unwrap().unwrap();
        assert!(!found.is_up());
        let error = topology(&found, &[Inspection::default()], "h", String::new()).unwrap_err();
        assert_eq!(error.to_string(), "compose project p has no running proxy");
    }

    #[test]
    fn a_crashed_replica_is_not_loaded_but_still_listed() {
        let mut crashed = replica("p", &here(), "2");
        crashed.running = false;
        crashed.status = "Exited (137) 3 seconds ago".to_owned();
        let containers = vec![replica("p", &here(), "1"), crashed, proxy("p", &here())];
        let found = choose(containers, &Project::default()).unwrap().unwrap();
        let inspections = vec![Inspection::default(); 2];
        let topology = topology(&found, &inspections, "h", String::new()).unwrap();
        assert_eq!(topology.replicas.len(), 1);
        let statuses = statuses(&found, &inspections, "h");
        assert_eq!(statuses[1].state.to_string(), "Exited (137) 3 seconds ago");
    }
}
