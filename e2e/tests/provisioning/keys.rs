//! Keys of provisioning files, against the list of known ones.

use std::path::Path;

use e2e::files::read_file;
use serde_json::Value;

use crate::grafana::Files;

pub fn complaints(files: &Files) -> Vec<String> {
    let known = read_file(Path::new("e2e/tests/provisioning/known-keys.yaml")).unwrap();
    let mut complaints = Vec::new();
    let mut check = |path: &Path, of: &str, value: &Value| {
        let groups = known.as_array().unwrap();
        let group = groups.iter().find(|group| group["of"] == of);
        let keys = group.and_then(|group| group["keys"].as_array()).map_or(&[][..], Vec::as_slice);
        let mut leaves = Vec::new();
        collect(value, "", &mut leaves);
        leaves.retain(|leaf| !keys.iter().any(|key| key == leaf));
        complaints.extend(leaves.iter().map(|leaf| format!("{}: {of}: {leaf}", path.display())));
    };

    for (path, source) in files.sources() {
        let mut source = source.clone();
        let settings = source.as_object_mut().and_then(|fields| fields.remove("jsonData"));
        check(path, "data source", &source);
        check(path, source["type"].as_str().unwrap_or_default(), &settings.unwrap_or_default());
    }
    for (path, file) in &files.providers {
        for provider in file["providers"].as_array().unwrap() {
            check(path, "dashboards provider", provider);
        }
    }
    for (path, file) in files.datasources.iter().chain(&files.providers) {
        let keys = file.as_object().unwrap().keys();
        let unknown =
            keys.filter(|key| !["apiVersion", "datasources", "providers"].contains(&key.as_str()));
        complaints.extend(unknown.map(|key| format!("{}: {key}", path.display())));
    }
    complaints
}

/// The path of each value that is no object or list.
fn collect(value: &Value, path: &str, leaves: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let separator = if path.is_empty() { "" } else { "." };
                collect(field, &format!("{path}{separator}{key}"), leaves);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| collect(item, &format!("{path}[]"), leaves));
        }
        Value::Null => {}
        _ => leaves.push(path.to_owned()),
    }
}
