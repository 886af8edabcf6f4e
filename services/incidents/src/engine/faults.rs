//! The faults of an incident, in all services of its lab.

use std::time::SystemTime;

use futures::future::join_all;

use crate::control::{Error, Fault, Faults, Kind, Spec};
use crate::scenario::{Begin, Plan};

/// The faults that an incident has in each service, those included that strike nothing.
pub(super) struct Rig {
    services: Vec<Service>,
    until: String,
}

struct Service {
    client: Faults,
    /// What is there before the onset, and what comes with it.
    slots: [Slot; 2],
}

struct Slot {
    spec: Spec,
    /// Once it has begun.
    id: Option<u64>,
}

impl Rig {
    /// Of the time before the onset. Nothing has begun yet; everything ends at `until`.
    pub fn new(services: &[Faults], plan: &Plan, until: SystemTime) -> Self {
        let until = humantime::format_rfc3339_seconds(until).to_string();
        let service = |client: &Faults| {
            let slot = |begin: &[Begin]| Slot { spec: spec(client, begin, &until), id: None };
            Service { client: client.clone(), slots: [slot(&plan.before), slot(&[])] }
        };
        Self { services: services.iter().map(service).collect(), until }
    }

    /// From here on the trouble is wanted. What is in its place changes everywhere, so that lists of
    /// faults look the same.
    pub fn want(&mut self, plan: &Plan) {
        let begin = plan.trouble.as_ref().map_or(&[][..], |trouble| &trouble.begin);
        for Service { client, slots: [_, slot] } in &mut self.services {
            *slot = Slot { spec: spec(client, begin, &self.until), id: None };
        }
    }

    /// Begins what is wanted and not there: not yet, or no more, as after a restart.
    ///
    /// # Errors
    /// When a service does not do as it must. The others have done so.
    pub async fn keep(&mut self) -> Result<(), Error> {
        let kept = join_all(self.services.iter_mut().map(Service::keep)).await;
        kept.into_iter().collect()
    }

    /// Ends all that is hidden. May be asked again: of a service that has done so, nothing any more.
    ///
    /// # Errors
    /// When a service does not do as it must. The others have done so.
    pub async fn end(&mut self) -> Result<(), Error> {
        let ended = join_all(self.services.iter_mut().map(Service::end)).await;
        let mut failed = ended.iter().map(Result::is_err);
        self.services.retain(|_| failed.next().unwrap_or(true));
        drop(failed);
        ended.into_iter().collect()
    }

    /// When the services end it themselves.
    pub fn until(&self) -> &str {
        &self.until
    }
}

impl Service {
    async fn keep(&mut self) -> Result<(), Error> {
        let there = self.client.list().await?;
        let is_there = |id: u64| there.iter().any(|fault: &Fault| fault.id == id && fault.hidden);
        for Slot { spec, id } in &mut self.slots {
            if !id.is_some_and(is_there) {
                *id = Some(self.client.begin(spec).await?);
            }
        }
        let is_wanted = |fault: &Fault| self.slots.iter().any(|slot| slot.id == Some(fault.id));
        self.end_those(there.iter().filter(|fault| !is_wanted(fault))).await
    }

    async fn end(&mut self) -> Result<(), Error> {
        let there = self.client.list().await?;
        self.end_those(there.iter()).await
    }

    /// Nobody else has any that are hidden; one may have begun though its answer was lost.
    async fn end_those(&self, faults: impl Iterator<Item = &Fault>) -> Result<(), Error> {
        for fault in faults.filter(|fault| fault.hidden) {
            self.client.end(fault.id).await?;
        }
        Ok(())
    }
}

/// The one of these that is this service's, or else one that never strikes.
fn spec(client: &Faults, begin: &[Begin], until: &str) -> Spec {
    let own = begin.iter().find(|begin| begin.service == client.service());
    let never = || Spec { ratio: f64::MIN_POSITIVE, ..Spec::new(Kind::Error) };
    let spec = own.map_or_else(never, |begin| begin.spec.clone());
    Spec { hidden: true, until: Some(until.to_owned()), ..spec }
}
