//! What a worker is told by its environment, where an engine starts many of them by one command.

use std::env::VarError;

use super::UsageError;
use super::workers::WorkerArgs;

/// An Indexed Job of Kubernetes says by it which of its pods this is.
const COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";
/// The same for a task of a Docker Swarm: `{{.Task.Slot}}`.
const SLOT: &str = "LOADGEN_SLOT";
/// `{{.Node.ID}}`; a Swarm says the same for the slot of its first task.
const NODE_ID: &str = "LOADGEN_NODE_ID";
const TASK: &str = "LOADGEN_TASK";
const NODE: &str = "LOADGEN_NODE";
/// The most bytes of a machine's name.
const MOST_NODE: usize = 253;

/// Who a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number, from 0.
    pub index: u32,
    /// Which attempt at being this worker it is, as it was said.
    pub task: String,
    /// What said so: a flag, or a variable.
    pub task_said_by: &'static str,
    /// What its machine is called, where that is said.
    pub node: Option<String>,
}

impl WorkerArgs {
    /// Who this worker is, by its flags and else by its environment.
    pub fn identity(&self) -> Result<Identity, UsageError> {
        self.identity_by(&variable)
    }

    fn identity_by(&self, variable: &Variables<'_>) -> Result<Identity, UsageError> {
        let index = match self.index {
            Some(index) => index,
            None => index(variable)?,
        };
        if index >= self.of {
            return Err(UsageError::new(
                format!("there is no worker {index} of {}", self.of),
                "workers are counted from 0: --index is less than --of",
            ));
        }
        let (task_said_by, task) = match (&self.task, variable(TASK)?) {
            (Some(said), _) => ("--task", said.clone()),
            (None, Some(said)) => (TASK, said),
            (None, None) => ("--task", "0".to_owned()),
        };
        let (said_by, node) = match (&self.node, variable(NODE)?) {
            (Some(said), _) => ("--node", Some(said.clone())),
            (None, said) => (NODE, said),
        };
        if let Some(node) = &node {
            check_node(said_by, node)?;
        }
        Ok(Identity {
            index,
            task,
            task_said_by,
            node,
        })
    }
}

/// A variable's value; nothing where it is empty or not there.
type Variables<'a> = dyn Fn(&'static str) -> Result<Option<String>, UsageError> + 'a;

fn variable(name: &'static str) -> Result<Option<String>, UsageError> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(UsageError::new(
            format!("{name} is no UTF-8 text"),
            format!("set {name} to a text, or leave it out"),
        )),
    }
}

fn index(variable: &Variables<'_>) -> Result<u32, UsageError> {
    let number = |name: &str, value: &str| {
        value.parse().map_err(|_| {
            UsageError::new(
                format!("{name} is `{value}`, which is no worker's number"),
                "workers are counted from 0; --index says which one this is",
            )
        })
    };
    if let Some(value) = variable(COMPLETION_INDEX)? {
        return number(COMPLETION_INDEX, &value);
    }
    if let Some(value) = variable(SLOT)? {
        // Its template makes the node's id of slot 0.
        return match variable(NODE_ID)? {
            Some(node) if node == value => Ok(0),
            _ => number(SLOT, &value),
        };
    }
    Err(UsageError::new(
        "nothing says which worker this is",
        format!(
            "give --index N, from 0; or {COMPLETION_INDEX}, or {SLOT} with {NODE_ID}, in the environment"
        ),
    ))
}

fn check_node(said_by: &str, node: &str) -> Result<(), UsageError> {
    if node.is_empty() || node.len() > MOST_NODE || node.contains(char::is_control) {
        return Err(UsageError::new(
            format!("{said_by} is no machine's name: `{}`", node.escape_debug()),
            format!("give at most {MOST_NODE} printable bytes"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(words: &str, variables: &[(&str, &str)]) -> Result<Identity, UsageError> {
        use clap::Parser as _;
        let line = format!("loadgen worker p.toml --of 3 --run-id r --start-at x {words}");
        let cli = super::super::args::Cli::try_parse_from(line.split_whitespace()).expect("flags");
        let Some(super::super::Command::Worker(args)) = cli.command else {
            unreachable!("a worker is asked for")
        };
        let variable = |name: &'static str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        args.identity_by(&variable)
    }

    #[test]
    fn flags_win_over_kubernetes_and_that_over_a_swarm() {
        let slot = (SLOT, "2");
        let pod = (COMPLETION_INDEX, "1");
        let index = |words: &str, variables: &[(&str, &str)]| {
            identity(words, variables).map(|found| found.index)
        };
        assert_eq!(index("--index 0", &[pod, slot]), Ok(0));
        assert_eq!(index("", &[slot, pod]), Ok(1));
        assert_eq!(index("", &[slot]), Ok(2));
        // A Swarm's first task is told its node's id in place of its slot.
        let first = [(SLOT, "0zqx3"), (NODE_ID, "0zqx3")];
        assert_eq!(index("", &first), Ok(0));
        assert_eq!(index("", &[(SLOT, "2"), (NODE_ID, "0zqx3")]), Ok(2));
    }

    #[test]
    fn who_it_is_has_to_be_said_and_can_be_one_of_them() {
        let refused = |words: &str, variables: &[(&str, &str)], message: &str, hint: &str| {
            let error = identity(words, variables).expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.hint().contains(hint), "{}", error.hint());
        };
        for named in ["--index", COMPLETION_INDEX, SLOT, NODE_ID] {
            refused("", &[], "nothing says which", named);
        }
        refused("", &[(COMPLETION_INDEX, "3")], "no worker 3 of 3", "from 0");
        refused("", &[(COMPLETION_INDEX, "-1")], "`-1`", "--index");
        let other = [(SLOT, "0zqx3"), (NODE_ID, "another")];
        refused("", &other, "LOADGEN_SLOT is `0zqx3`", "--index");
        refused("--index 0", &[(NODE, "a\nb")], "LOADGEN_NODE", "printable");
    }

    #[test]
    fn task_and_node_are_said_by_flags_or_by_the_environment() {
        let variables = [(TASK, "pod-7"), (NODE, "node-3")];
        let said = identity("--index 0", &variables).expect("one");
        assert_eq!((said.task_said_by, said.task.as_str()), (TASK, "pod-7"));
        assert_eq!(said.node.as_deref(), Some("node-3"));
        let said = identity("--index 0 --task 2 --node here", &variables).expect("one");
        assert_eq!((said.task_said_by, said.task.as_str()), ("--task", "2"));
        assert_eq!(said.node.as_deref(), Some("here"));
        let said = identity("--index 0", &[]).expect("one");
        assert_eq!((said.task.as_str(), said.node), ("0", None));
    }
}
