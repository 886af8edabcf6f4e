//! Which request comes when: always the same, so that it can be counted on.

use crate::ports::Port;
use crate::ports::known::APPS;

/// Each path as often as it is asked for in one round. Their number and that of the services have
/// no common divisor, so that request n goes to service n and path n, both round and round, and
/// each service is asked for each path. `/items/{id}` is left to those who count exactly.
#[rustfmt::skip]
const PATHS: [&str; 15] = [
    "/chain", "/io_task", "/random_status",
    "/", "/chain", CPU_TASK,
    "/io_task", "/random_status", "/chain",
    "/random_sleep", "/", "/io_task",
    "/chain", "/random_status", "/error_test",
];
/// A tenth of what a service would do by itself, which is too much for a small machine.
const CPU_TASK: &str = "/cpu_task?limit=100000";

/// Every request, without end.
pub fn requests() -> impl Iterator<Item = (Port, &'static str)> {
    APPS.into_iter().cycle().zip(PATHS.into_iter().cycle())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn in_sixty_requests_each_service_gets_the_same_of_each_path() {
        let mut counts: HashMap<_, HashMap<_, u32>> = HashMap::new();
        for (service, path) in requests().take(60) {
            *counts.entry(path).or_default().entry(service.part).or_default() += 1;
        }
        assert_eq!(counts.len(), 7);
        for (path, weight) in [("/chain", 4), ("/io_task", 3), ("/random_status", 3), ("/", 2)] {
            assert_eq!(counts[path].len(), APPS.len(), "{path}");
            assert!(counts[path].values().all(|count| *count == weight), "{path}");
        }
        for path in [CPU_TASK, "/random_sleep", "/error_test"] {
            assert_eq!(counts[path].len(), APPS.len(), "{path}");
        }
    }
}
