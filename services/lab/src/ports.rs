//! Which port each part listens on, always on loopback.

pub mod known;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, bail};

/// A port of a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Port {
    /// The part that listens on it.
    pub part: &'static str,
    /// The environment variable that changes it.
    pub variable: &'static str,
    /// What it is otherwise.
    pub default: u16,
    /// What it is in the part's own container, which no variable changes.
    pub inside: u16,
}

impl Port {
    /// One that is the same in a container.
    pub const fn new(part: &'static str, variable: &'static str, default: u16) -> Self {
        Self { part, variable, default, inside: default }
    }

    /// `name:port`, for another container.
    pub fn in_container(self) -> String {
        format!("{}:{}", self.part, self.inside)
    }
}

/// The ports of one run of the lab.
#[derive(Clone, Debug)]
pub struct Ports(HashMap<&'static str, u16>);

impl Ports {
    /// The port that `lookup` has for each variable, or else the default: of a lab to be started.
    ///
    /// # Errors
    /// Every port that is taken, is chosen twice or is no port.
    pub fn configured(
        ports: &[Port],
        lookup: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let mut chosen: HashMap<&'static str, u16> = HashMap::new();
        let mut listeners = Vec::new();
        let (numbers, mut problems) = read(ports, lookup);
        for (Port { part, variable, .. }, number) in numbers {
            if let Some((other, _)) = chosen.iter().find(|(_, port)| **port == number) {
                problems.push(format!("{variable} and {other} are both {number}"));
                continue;
            }
            match TcpListener::bind((Ipv4Addr::LOCALHOST, number)) {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == ErrorKind::AddrInUse => problems.push(format!(
                    "port {number} of {part} is taken: set {variable} to a free one"
                )),
                Err(error) => problems.push(format!(
                    "port {number} of {part} ({variable}) cannot be listened on: {error}"
                )),
            }
            chosen.insert(variable, number);
        }
        all_or_problems(chosen, &problems)
    }

    /// The same without a look at who listens: of a lab that runs.
    ///
    /// # Errors
    /// Every value that is no port.
    pub fn published(
        ports: &[Port],
        lookup: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let (numbers, problems) = read(ports, lookup);
        let chosen = numbers.into_iter().map(|(port, number)| (port.variable, number));
        all_or_problems(chosen.collect(), &problems)
    }

    /// Ports that were free a moment ago.
    ///
    /// # Errors
    /// When the machine has none left.
    pub fn free(ports: &[Port]) -> anyhow::Result<Self> {
        // All are held until the last is found, so that no two are the same.
        let mut listeners = Vec::new();
        let mut chosen = HashMap::new();
        for port in ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .with_context(|| format!("looking for a free port for {}", port.part))?;
            chosen.insert(port.variable, listener.local_addr()?.port());
            listeners.push(listener);
        }
        Ok(Self(chosen))
    }

    /// Where the part listens on this port.
    ///
    /// # Panics
    /// For a port that was not among the chosen: of a part that this run does not have.
    pub fn address(&self, port: Port) -> SocketAddr {
        self.get(port).expect("the port is of a part of this run")
    }

    /// The same, unless no part listens on it in this run.
    pub fn get(&self, port: Port) -> Option<SocketAddr> {
        self.0.get(port.variable).map(|number| (Ipv4Addr::LOCALHOST, *number).into())
    }
}

/// The number of each port, and a sentence about each value that is none.
fn read(
    ports: &[Port],
    lookup: impl Fn(&str) -> Option<String>,
) -> (Vec<(Port, u16)>, Vec<String>) {
    let mut numbers = Vec::new();
    let mut problems = Vec::new();
    for port @ Port { variable, default, .. } in ports {
        let text = lookup(variable).filter(|value| !value.is_empty());
        match text.as_deref().map(str::parse) {
            None => numbers.push((*port, *default)),
            Some(Ok(number)) if number > 0 => numbers.push((*port, number)),
            Some(_) => {
                let value = text.unwrap_or_default();
                problems.push(format!("{variable}={value} is no port: one is 1 to 65535"));
            }
        }
    }
    (numbers, problems)
}

fn all_or_problems(
    chosen: HashMap<&'static str, u16>,
    problems: &[String],
) -> anyhow::Result<Ports> {
    if !problems.is_empty() {
        bail!(problems.join("\n     "));
    }
    Ok(Ports(chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Port = Port::new("part-one", "ONE_PORT", 0);
    const TWO: Port = Port::new("part-two", "TWO_PORT", 0);

    fn problem(values: &[(&str, &str)]) -> String {
        let lookup = |name: &str| {
            values.iter().find(|(variable, _)| *variable == name).map(|(_, v)| (*v).to_owned())
        };
        Ports::configured(&[ONE, TWO], lookup).unwrap_err().to_string()
    }

    #[test]
    fn each_taken_port_is_named_with_its_part_and_its_variable() {
        let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [one, two] = taken.each_ref().map(|l| l.local_addr().unwrap().port().to_string());
        let problem = problem(&[("ONE_PORT", &one), ("TWO_PORT", &two)]);
        for (number, part, variable) in
            [(one, "part-one", "ONE_PORT"), (two, "part-two", "TWO_PORT")]
        {
            let expected =
                format!("port {number} of {part} is taken: set {variable} to a free one");
            assert!(problem.contains(&expected), "{problem}");
        }
    }

    #[test]
    fn a_value_that_is_no_port_is_named() {
        for value in ["http", "0", "65536", "-1"] {
            assert!(problem(&[("ONE_PORT", value)]).contains(&format!("ONE_PORT={value} ")));
        }
    }

    #[test]
    fn one_port_for_two_parts_is_refused() {
        let free = Ports::free(&[ONE]).unwrap().address(ONE).port().to_string();
        let problem = problem(&[("ONE_PORT", &free), ("TWO_PORT", &free)]);
        assert!(problem.contains(&format!("TWO_PORT and ONE_PORT are both {free}")), "{problem}");
    }
}
