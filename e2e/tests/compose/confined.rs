//! What the lab owes to the machine it runs on.

use anyhow::Context;
use serde_json::Value;

use crate::lab::Lab;

const GIB: u64 = 1 << 30;

/// Checks each container that runs.
pub fn all_are_confined(lab: &Lab) -> anyhow::Result<()> {
    for (service, container) in lab.containers()? {
        is_confined(&service, &container);
    }
    Ok(())
}

fn is_confined(service: &str, container: &Value) {
    let (config, host) = (&container["Config"], &container["HostConfig"]);
    assert_eq!(container["State"]["Health"]["Status"], "healthy", "{service}");
    let user = config["User"].as_str().unwrap().split(':').next().unwrap();
    assert!(user.parse::<u32>().unwrap() > 0, "{service} runs as {user}");
    assert!(host["Memory"].as_u64().unwrap() > 0, "{service} has no memory limit");
    assert_eq!(host["ReadonlyRootfs"], true, "{service}");
    assert_eq!(host["CapDrop"][0], "ALL", "{service}");
    assert_eq!(host["CapAdd"], Value::Null, "{service}");
    assert_eq!(host["SecurityOpt"][0], "no-new-privileges:true", "{service}");
    assert!(host["LogConfig"]["Config"]["max-size"].is_string(), "{service} logs without end");
    let published = container["NetworkSettings"]["Ports"].as_object().unwrap().values();
    for binding in published.filter_map(Value::as_array).flatten() {
        assert_eq!(binding["HostIp"], "127.0.0.1", "{service}");
    }
}

/// Checks the sum of every container's limit, of Grafana's and the doctor's too.
pub fn the_whole_fits_in_three_gib(lab: &Lab) -> anyhow::Result<()> {
    let text = lab.compose(&["--profile", "doctor", "config", "--format", "json"])?;
    let config: Value = serde_json::from_str(&text)?;
    let services = config["services"].as_object().context("finding the services")?;
    let limits = services.iter().map(|(name, service)| {
        let limit = service["mem_limit"].as_str().and_then(|limit| limit.parse::<u64>().ok());
        limit.with_context(|| format!("finding the memory limit of {name}"))
    });
    let limits = limits.collect::<anyhow::Result<Vec<_>>>()?;
    assert!(services.contains_key("grafana") && services.contains_key("doctor"));
    assert!(limits.iter().sum::<u64>() <= 3 * GIB, "{limits:?}");
    Ok(())
}
