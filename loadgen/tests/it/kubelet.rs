//! The manifest for Kubernetes, carried out: what a kubelet would start is started here, with the
//! arguments, variables and files that the manifest says, and what comes out of it is collected.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use loadgen::record::WorkerState;
use serde_json::Value;

use super::fake::{Caller, Fake, serve};
use super::program::{Program, Started, loadgen, under};
use super::reading::identities_hold;

/// `me:s3cr3t:word`
const PAIR: &str = "bWU6czNjcjN0OndvcmQ=";
const ROWS: usize = 20_000;

/// Answers those who say who they are and ask for a row of the data.
fn private() -> Fake {
    serve(|mut caller: Caller| {
        while let Some(asked) = caller.asked() {
            let known = asked.head.contains(&format!("Basic {PAIR}\r\n"));
            let said = if known && asked.path.starts_with("/items/row-of-the-data-") {
                caller.answer("ok")
            } else {
                caller.say("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
            };
            if !said {
                return;
            }
        }
    })
}

/// The objects of a list, by kind.
fn objects(text: &str) -> BTreeMap<String, Value> {
    let list: Value = serde_json::from_str(text).unwrap();
    let items = list["items"].as_array().unwrap().clone();
    let kind = |item: &Value| item["kind"].as_str().unwrap().to_owned();
    items.into_iter().map(|item| (kind(&item), item)).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// What a key of a `ConfigMap` or a Secret holds.
fn content(object: &Value, key: &str) -> Vec<u8> {
    match object["kind"].as_str() {
        Some("ConfigMap") if object["data"][key].is_string() => {
            object["data"][key].as_str().unwrap().into()
        }
        Some("ConfigMap") => STANDARD
            .decode(text(object, &format!("/binaryData/{key}")))
            .unwrap(),
        _ => STANDARD
            .decode(text(object, &format!("/data/{key}")))
            .unwrap(),
    }
}

/// Fills the one volume.
fn mount(objects: &BTreeMap<String, Value>, volume: &Value, folder: &Path) {
    for source in volume
        .pointer("/projected/sources")
        .unwrap()
        .as_array()
        .unwrap()
    {
        let (kind, source) = match &source["configMap"] {
            Value::Null => ("Secret", &source["secret"]),
            config => ("ConfigMap", config),
        };
        let object = &objects[kind];
        assert_eq!(text(object, "/metadata/name"), text(source, "/name"));
        for item in source["items"].as_array().unwrap() {
            let path = folder.join(text(item, "/path"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content(object, text(item, "/key"))).unwrap();
        }
    }
}

/// Starts the pod of an index.
fn start(objects: &BTreeMap<String, Value>, index: usize) -> Started {
    let job = &objects["Job"];
    let pod = job.pointer("/spec/template/spec").unwrap();
    let container = &pod["containers"][0];
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 1);
    assert_eq!(mounts[0]["mountPath"], container["workingDir"]);
    let arguments = container["args"].as_array().unwrap();
    let mut program = arguments.iter().fold(loadgen(""), |program, word| {
        program.word(word.as_str().unwrap())
    });
    mount(objects, &pod["volumes"][0], program.place());
    program = program.env("JOB_COMPLETION_INDEX", &index.to_string());
    for variable in container["env"].as_array().unwrap() {
        let value = match text(variable, "/valueFrom/fieldRef/fieldPath") {
            "metadata.name" => format!("{}-{index}-x7k2p", text(job, "/metadata/name")),
            "spec.nodeName" => format!("node-{index}"),
            other => panic!("{other}"),
        };
        program = program.env(text(variable, "/name"), &value);
    }
    program.start()
}

/// Prints the manifest of a plan whose data is too long to stand in the plan.
fn manifest(target: &Fake) -> Program {
    let program =
        loadgen("manifest kubernetes plan.toml --workers 2 --run-id Play.1 --start-in 9s");
    let rows = (0..ROWS).map(|n| format!("row-of-the-data-{n}\n"));
    let csv = "id\n".to_owned() + &rows.collect::<String>();
    assert!(csv.len() > 256 << 10);
    fs::write(program.place().join("rows.csv"), csv).unwrap();
    let plan = format!(
        "target = \"http://{}\"\nuser = \"me:s3cr3t:word\"\nrps = 40\nduration = \"2s\"\nwarmup = \"0s\"\n\
         policy = \"none\"\n[data.rows]\nfile = \"rows.csv\"\n[[group]]\nhost = \"shop\"\n\
         [[group.request]]\nname = \"read\"\npath = \"/items/{{rows.id}}\"\n",
        target.address
    );
    fs::write(program.place().join("plan.toml"), plan).unwrap();
    program
}

#[test]
fn what_the_manifest_starts_sends_the_load_and_is_collected() {
    let target = private();
    let printed = manifest(&target).run();
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let objects = objects(&printed.stdout);
    assert_eq!(text(&objects["Job"], "/metadata/name"), "loadgen-play-1");
    assert!(!printed.stdout.contains("s3cr3t"));
    let pods = [1, 0].map(|index| start(&objects, index));
    let said = pods.map(|pod| {
        let ended = pod.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    });
    // The words that are printed to be typed, with standard input as they have it.
    let words = printed.stderr.split("| loadgen ").nth(1).unwrap();
    let words = words.lines().next().unwrap();
    assert_eq!(
        words,
        "collect loadgen-play-1.json - --workers 2 --run-id Play.1"
    );
    let collected = under("exec <lines", words).words("--out run --format json");
    // A line of each in turns.
    let mut lines = said.each_ref().map(|said| said.lines());
    let mut mixed = String::new();
    for place in 0..said
        .iter()
        .map(|said| 2 * said.lines().count())
        .max()
        .unwrap()
    {
        if let Some(line) = lines[place % 2].next() {
            mixed.push_str(line);
            mixed.push('\n');
        }
    }
    fs::write(collected.place().join("lines"), mixed).unwrap();
    let job = content(&objects["ConfigMap"], "job");
    fs::write(collected.place().join("loadgen-play-1.json"), job).unwrap();
    let record = collected.run().record();
    assert!(record.complete);
    for (n, worker) in record.workers.iter().enumerate() {
        assert_eq!(worker.state, WorkerState::Done, "{worker:?}");
        assert_eq!(worker.node, format!("node-{n}"));
        assert_eq!((worker.planned, worker.sent), (40, 40));
    }
    let requests = &record.groups[0].requests;
    assert_eq!((requests.planned, requests.succeeded), (80, 80));
    identities_hold(&record);
}

#[test]
fn what_cannot_be_a_job_is_refused_with_the_remedy() {
    let refused = |words: &str, message: &[&str], hint: &[&str]| {
        loadgen("manifest kubernetes")
            .words(words)
            .run()
            .refused(2, message, hint);
    };
    refused("--workers 2", &["names no target"], &["loadgen plan http"]);
    let url = "http://shop.default/ --workers 2";
    refused(
        &format!("{url} --name Shop"),
        &["--name `Shop`"],
        &["small letters"],
    );
    refused(
        &format!("{url} --pod-cpu one"),
        &["--pod-cpu `one`"],
        &["500m"],
    );
    refused(&format!("{url} --start-in 1s"), &["1s from now"], &["60s"]);
    refused(
        &format!("{url} --start-at 2026-01-01T00:00:00Z"),
        &["0s from now"],
        &["60s"],
    );
    refused(&format!("{url} --log-kept lots"), &["`lots`"], &["10Mi"]);
    refused(
        &format!("{url} --duration 6h -r 5000"),
        &["estimated", "10,485,760"],
        &["--duration at most", "--log-kept"],
    );
    refused(
        "http://shop.default/ --workers 9 -c 8",
        &["9 workers", "8 connections"],
        &["--connections at least 9"],
    );
}
