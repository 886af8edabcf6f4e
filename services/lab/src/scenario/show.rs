//! What the console answers, in text.

use std::fmt::Write;

use serde_json::Value;

/// The scenarios, and the words of an answer.
pub fn list(list: &Value) -> String {
    let mut text = String::new();
    for scenario in items(&list["scenarios"]) {
        line_of(&mut text, 18, &scenario["name"], &scenario["story"]);
    }
    text.push_str("\nThe causes that an answer may name\n\n");
    for cause in items(&list["causes"]) {
        line_of(&mut text, 18, &cause["name"], &cause["meaning"]);
    }
    text
}

/// How the incident stands.
pub fn state(state: &Value) -> String {
    let incident = &state["incident"];
    if incident.is_null() {
        return "There is no incident: `lab scenario run` begins one.\n".to_owned();
    }
    let mut text = format!("\n{}\n\n", plain(&incident["story"]));
    let left = incident["ready_in"].as_u64().unwrap_or_default();
    let stands = match state["status"].as_str().unwrap_or_default() {
        "begun" => format!("under way; there is enough to see in {left} s"),
        "open" => "under way; waiting for an answer".to_owned(),
        status => status.to_owned(),
    };
    let name = match (incident["name"].as_str(), incident["seed"].as_u64()) {
        (Some(name), Some(seed)) => format!("{name}, seed {seed}"),
        _ => "blind".to_owned(),
    };
    let tolerance = incident["tolerance"].as_u64().unwrap_or_default();
    for (name, value) in [
        ("incident", name),
        ("state", stands),
        ("began", plain(&incident["began"])),
        ("all well", format!("until {} at least", plain(&incident["normal_until"]))),
        ("answers", format!("{} so far", plain(&incident["tries"]))),
        ("the time", format!("may be up to {tolerance} s off")),
        ("problem", plain(&incident["problem"])),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:9} {value}");
        }
    }
    if ["begun", "open"].iter().any(|status| state["status"] == *status) {
        let shop = plain(&incident["shop"]);
        let _ = write!(
            text,
            "\n{}\n\n\
             Look    lab find --last 2m 'service = {shop} and name = POST /orders and status = error'\n        \
             lab trace ID, an early one beside a late one\n        \
             the console's page of incidents says where to look first, and then\n\
             Answer  lab scenario answer --cause CAUSE --service NAME --operation NAME --since TIME \
             --affected WHO\n        lab scenario answer --cause nothing\n\
             Help    lab scenario list, hint, reveal, stop\n",
            plain(&incident["order"])
        );
    }
    text
}

/// The hints so far.
pub fn hints(state: &Value) -> String {
    let incident = &state["incident"];
    let hints = items(&incident["hints"]).enumerate();
    let lines = hints.map(|(index, hint)| format!("{}. {}\n", index + 1, plain(hint)));
    let mut text: String = lines.collect();
    if items(&incident["hints"]).count() as u64 == incident["hints_in_all"].as_u64().unwrap_or(0) {
        text.push_str("There is no further hint.\n");
    }
    text
}

/// An answer, field by field.
pub fn marked(marked: &Value) -> String {
    let mut text = String::new();
    for field in items(&marked["fields"]) {
        let verdict = if field["right"] == true { "right" } else { "WRONG" };
        let (name, answered) = (plain(&field["field"]), plain(&field["answered"]));
        let _ = writeln!(text, "{verdict}  {name}: {answered}\n       {}", plain(&field["why"]));
    }
    let examples: Vec<_> = items(&marked["examples"]).map(plain).collect();
    if !examples.is_empty() {
        let _ = writeln!(text, "\nTraces to look at: {}", examples.join(" "));
    }
    let verdict = if marked["right"] == true { "Right" } else { "Not right yet" };
    let _ = writeln!(text, "\n{verdict}, in answer {}.", plain(&marked["tries"]));
    text
}

/// All of an incident.
pub fn solution(solution: &Value) -> String {
    let mut text = format!("\n{}\n\n{}\n", line(solution), plain(&solution["explanation"]));
    match solution["shown"].as_bool() {
        Some(true) => text.push_str("Telemetry shows it.\n"),
        Some(false) => text.push_str("Telemetry does not show it.\n"),
        None => {}
    }
    text
}

/// The same in a line.
pub fn line(solution: &Value) -> String {
    let mut text = format!("{}, seed {}: ", plain(&solution["name"]), plain(&solution["seed"]));
    let cause = plain(&solution["cause"]);
    let _ = match solution["service"].as_str() {
        None => write!(text, "{cause}"),
        Some(service) => write!(
            text,
            "{cause} in {} of {service} since {}, for {}",
            plain(&solution["operation"]),
            plain(&solution["since"]),
            plain(&solution["affected"])
        ),
    };
    text
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn line_of(text: &mut String, width: usize, name: &Value, meaning: &Value) {
    let _ =
        writeln!(text, "  {:width$}{}", plain(name), plain(meaning).replace("SHOP", "a service"));
}

/// Text without what a terminal would do something at.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.chars().filter(|it| !it.is_control()).collect(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_blind_incident_has_no_name_and_one_that_is_known_has() {
        let blind = json!({"status": "open", "incident": {"story": "Find out.", "name": null}});
        let text = state(&blind);
        assert!(text.contains("blind") && text.contains("waiting for an answer"), "{text}");
        let known = json!({"status": "stopped", "incident": {"name": "cache-lost", "seed": 7}});
        let text = state(&known);
        assert!(text.contains("cache-lost, seed 7") && !text.contains("Answer "), "{text}");
        assert!(state(&json!({"status": "idle"})).contains("There is no incident"));
    }

    #[test]
    fn an_answer_is_told_field_by_field_without_what_a_terminal_obeys() {
        let field =
            json!({"field": "cause", "answered": "slow\u{1b}[2J", "right": false, "why": "no"});
        let text =
            marked(&json!({"right": false, "tries": 2, "fields": [field], "examples": ["4b"]}));
        assert!(text.starts_with("WRONG  cause: slow[2J\n       no\n"), "{text}");
        assert!(text.contains("Traces to look at: 4b\n"), "{text}");
        assert!(text.ends_with("Not right yet, in answer 2.\n"), "{text}");
    }

    #[test]
    fn that_nothing_was_wrong_is_a_line_too() {
        let nothing = json!({"name": "slow-prices", "seed": 3, "cause": "nothing"});
        assert_eq!(line(&nothing), "slow-prices, seed 3: nothing");
        let slow = json!({
            "name": "slow-prices", "seed": 2, "cause": "slow", "service": "app-c",
            "operation": "GET /x", "since": "2030-01-31T20:15:30Z", "affected": "gold",
        });
        let expected =
            "slow-prices, seed 2: slow in GET /x of app-c since 2030-01-31T20:15:30Z, for gold";
        assert_eq!(line(&slow), expected);
    }
}
