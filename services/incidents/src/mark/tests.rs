//! Answers to incidents whose spans a storage server has: of each kind the right one is right, and
//! what somebody may think who has looked is wrong in the field that it is wrong in, with the reason.

mod orders;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::{Value, json};
use spoor::Server;
use spoor::config::Config;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tonic::transport::Endpoint;
use traces::Storage;

use super::{Case, Marked, Truth, mark, shown};
use crate::answer::Affected::{self, Bronze, Everyone, Gold, Silver};
use crate::answer::{Answer, Cause};
use orders::Order;

const ORDERS: (&str, &str) = ("app-a", "POST /orders");
const STOCK: (&str, &str) = ("app-b", "POST /reservations");
const QUOTE: (&str, &str) = ("app-c", "demo.v1.Pricing/Quote");
const PAYMENTS: (&str, &str) = ("app-c", "POST /payments");
const PRICES: (&str, &str) = ("app-d", "GET /prices/{sku}");

/// An order a second: a minute of them before, and one since.
const MINUTE: Duration = Duration::from_secs(60);
const TOLERANCE: Duration = Duration::from_secs(20);

/// An incident of the past, and the storage server that has its spans until it is dropped.
struct Past {
    case: Case,
    storage: Storage,
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

impl Past {
    async fn of(truth: Option<Truth>, is_bank_down: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let data_dir = Some(folder.path().to_owned());
        let config = Config { listen: any, admin_listen: any, data_dir, ..Config::default() };
        let server = Server::bind(config).await.unwrap();
        let url = format!("http://{}", server.grpc_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.serve(async { drop(stopped.await) }));

        let settled = SystemTime::now() - 3 * MINUTE;
        let onset = settled + MINUTE;
        let mut resource_spans = Vec::new();
        for second in 0..2 * MINUTE.as_secs() {
            let at = settled + Duration::from_secs(second);
            let mut order = Order::new(second, truth.as_ref().filter(|_| at >= onset));
            order.is_bank_down = is_bank_down;
            let at = at.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
            resource_spans.extend(order.placed(at));
        }
        let request = ExportTraceServiceRequest { resource_spans };
        let channel = Endpoint::from_shared(url.clone()).unwrap().connect_lazy();
        let request = RawTraces(request.encode_to_vec().into());
        let answer = TraceServiceClient::new(channel).export(request).await.unwrap();
        assert_eq!(answer.into_inner().partial_success, None);
        let (shop, tolerance, end) = (ORDERS.0, TOLERANCE, onset + MINUTE);
        let case = Case { truth, shop, settled, onset, end, tolerance };
        Self { case, storage: Storage::new(&url).unwrap(), _stop: stop, _folder: folder }
    }

    /// The answer of the truth, changed.
    async fn mark(&self, truth: &Truth, change: impl FnOnce(&mut Truth), late: Duration) -> Marked {
        let mut named = truth.clone();
        change(&mut named);
        let answer = Answer::Trouble {
            service: named.service.to_owned(),
            operation: named.operation.to_owned(),
            cause: named.cause,
            since: self.case.onset + late,
            affected: named.affected,
        };
        mark(&answer, &self.case, &self.storage, 1).await.unwrap()
    }
}

fn wrong(marked: &Marked) -> Vec<&str> {
    marked.fields.iter().filter(|it| !it.right).map(|it| it.field).collect()
}

fn why<'a>(marked: &'a Marked, field: &str) -> &'a str {
    &marked.fields.iter().find(|it| it.field == field).unwrap().why
}

/// Of this incident the right answer, and one with each field wrong. `suffers` is whom somebody may
/// blame, with what is told of it; `told` is what the field of the cause says once it is right.
async fn is_marked(
    cause: Cause,
    (service, operation): (&'static str, &'static str),
    affected: Affected,
    told: &str,
    (suffers, of_it): ((&'static str, &'static str), &str),
) {
    let truth = Truth { service, operation, cause, affected };
    let past = Past::of(Some(truth.clone()), cause == Cause::RetryStorm).await;
    let now = Duration::ZERO;

    let right = past.mark(&truth, |_| {}, TOLERANCE).await;
    assert!(right.right && wrong(&right).is_empty(), "{right:#?}");
    assert!(why(&right, "cause").contains(told), "{cause}: {}", why(&right, "cause"));
    assert!(!right.examples.is_empty(), "{cause}");
    assert!(shown(&past.case, &past.storage).await.unwrap().0, "{cause}");

    let blamed = |it: &mut Truth| (it.service, it.operation) = suffers;
    let blamed = past.mark(&truth, blamed, now).await;
    let fields: &[_] =
        if suffers.0 == service { &["operation"] } else { &["service", "operation"] };
    assert_eq!(wrong(&blamed), fields, "{cause}: {blamed:#?}");
    assert!(why(&blamed, fields[0]).contains(of_it), "{cause}: {}", why(&blamed, fields[0]));

    let elsewhere = past.mark(&truth, |it| it.operation = "GET /nothing", now).await;
    assert_eq!(wrong(&elsewhere), ["operation"], "{cause}");
    let why_not = "no request for GET /nothing at app-";
    assert!(why(&elsewhere, "operation").starts_with(why_not), "{cause}: {elsewhere:#?}");

    let other = if cause == Cause::Errors { Cause::Cache } else { Cause::Errors };
    let other = past.mark(&truth, |it| it.cause = other, now).await;
    assert_eq!(wrong(&other), ["cause"], "{cause}");
    assert!(why(&other, "cause").ends_with("That is no change"), "{cause}: {other:#?}");

    for late in [TOLERANCE + Duration::from_secs(1), Duration::from_secs(50)] {
        let late = past.mark(&truth, |_| {}, late).await;
        assert_eq!(wrong(&late), ["since"], "{cause}");
        let told = why(&late, "since");
        assert!(told.starts_with("nothing began within 20 s of that time"), "{cause}: {told}");
    }

    for not_them in Affected::ALL.into_iter().filter(|it| *it != affected) {
        let others = past.mark(&truth, |it| it.affected = not_them, now).await;
        assert_eq!(wrong(&others), ["affected"], "{cause}");
        for tier in ["bronze: ", "silver: ", "gold: "] {
            assert!(why(&others, "affected").contains(tier), "{cause}: {others:#?}");
        }
    }

    let nothing = mark(&Answer::Nothing, &past.case, &past.storage, 1).await.unwrap();
    assert_eq!(wrong(&nothing), ["cause"], "{cause}");
    assert!(why(&nothing, "cause").starts_with("something did change"), "{cause}: {nothing:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_payments_that_fail_the_shop_is_not_to_blame() {
    let told = "failed by themselves: 0 % before, 100 % since";
    let shop = "% of its errors have an error below: it fails since what it asks does";
    is_marked(Cause::Errors, PAYMENTS, Everyone, told, (ORDERS, shop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_prices_that_fail_for_some_the_quote_is_not_to_blame() {
    let quote =
        "it fails for 30 % of its requests, before for 0 %, but 100 % of its errors have an";
    is_marked(Cause::Errors, PRICES, Silver, "before, 30 % since", (QUOTE, quote)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_quote_that_waits_for_some_the_shop_waits_too() {
    let shop = "95 % of its requests take up to 2";
    is_marked(Cause::Slow, QUOTE, Gold, "median time of its own: ", (ORDERS, shop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_price_list_that_waits_the_quote_waits_too() {
    let quote = "it takes longer since what it asks does";
    is_marked(Cause::Slow, PRICES, Everyone, "5.0 ms before, 200.0 ms since", (QUOTE, quote)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_slow_statements_another_operation_of_the_service_is_not_to_blame() {
    let quote = "nothing that is worth a word changed here";
    let told = "mean time of a statement: 1.0 ms before, 12.0 ms since";
    is_marked(Cause::SlowDatabase, PAYMENTS, Everyone, told, (QUOTE, quote)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_lost_cache_the_price_list_is_asked_more_often_and_answers_as_ever() {
    let list =
        "and answers as ever: failed by themselves: 0 % before, 0 % since. What has its callers";
    is_marked(Cause::Cache, QUOTE, Bronze, "found in the cache: 75 %", (PRICES, list)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_statements_the_shop_knows_nothing() {
    let shop = "nothing that is worth a word changed here";
    let told = "statements a request: 2.0 before, 2.3 since";
    is_marked(Cause::NPlusOne, STOCK, Gold, told, (ORDERS, shop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_retry_storm_payments_are_asked_more_often_and_fail_as_before() {
    let payments = "times a second, before ";
    is_marked(Cause::RetryStorm, ORDERS, Everyone, "tries a request: ", (PAYMENTS, payments)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_lost_context_the_caller_is_not_to_blame() {
    let shop = "it asks as ever, but somebody whom it asks goes on in another trace";
    let told = "without a parent: 0 % before, 60 % since";
    is_marked(Cause::LostContext, STOCK, Bronze, told, (ORDERS, shop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_false_alarm_nothing_is_right_and_everything_else_wrong() {
    for is_bank_down in [false, true] {
        let past = Past::of(None, is_bank_down).await;
        let nothing = mark(&Answer::Nothing, &past.case, &past.storage, 2).await.unwrap();
        assert!(nothing.right && nothing.tries == 2, "{nothing:#?}");
        assert!(why(&nothing, "cause").starts_with("no figure of an order changed"));
        assert!(shown(&past.case, &past.storage).await.unwrap().0);
        let (service, operation) = PAYMENTS;
        let truth = Truth { service, operation, cause: Cause::Errors, affected: Everyone };
        let marked = past.mark(&truth, |_| {}, Duration::ZERO).await;
        assert_eq!(wrong(&marked), ["service", "operation", "cause", "since", "affected"]);
        assert!(why(&marked, "cause").ends_with("That is no change"), "{marked:#?}");
        assert!(why(&marked, "since").starts_with("nothing began within 20 s of"), "{marked:#?}");
    }
}

/// What wrong answers are told, each with a time at which nothing began.
async fn refusals(case: &Case, storage: &Storage) -> Vec<Value> {
    let mut told = Vec::new();
    for ((service, operation), cause, affected) in [
        (ORDERS, Cause::Slow, Gold),
        (QUOTE, Cause::LostContext, Everyone),
        (PAYMENTS, Cause::Errors, Bronze),
        (PRICES, Cause::MoreRequests, Gold),
        (("app-x", "GET /nothing"), Cause::Errors, Gold),
    ] {
        let [service, operation] = [service, operation].map(str::to_owned);
        let since = case.end - TOLERANCE / 2;
        let answer = Answer::Trouble { service, operation, cause, since, affected };
        let marked = mark(&answer, case, storage, 1).await.unwrap();
        assert_eq!(wrong(&marked), ["service", "operation", "cause", "since", "affected"]);
        told.push(json!(marked));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_is_told_the_same_whether_or_not_something_is_wrong() {
    let (service, operation) = STOCK;
    let truth = Truth { service, operation, cause: Cause::NPlusOne, affected: Silver };
    let Past { case, storage, .. } = &Past::of(Some(truth), false).await;
    let false_alarm = Case { truth: None, ..case.clone() };
    let [told, of_false_alarm] =
        [refusals(case, storage).await, refusals(&false_alarm, storage).await];
    assert_eq!(told, of_false_alarm);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_answer_is_told_does_not_tell_when_it_began() {
    let Past { case, storage, .. } = &Past::of(None, false).await;
    let told = refusals(case, storage).await;
    for seconds in [4, 9] {
        let onset = case.onset - Duration::from_secs(seconds);
        assert_eq!(refusals(&Case { onset, ..case.clone() }, storage).await, told, "{seconds} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_often_each_tier_asks_is_told() {
    let Past { case, storage, .. } = &Past::of(None, false).await;
    let told = refusals(case, storage).await;
    let why = told[3]["fields"][4]["why"].as_str().unwrap();
    let expected = "of the operation that was named, bronze: requests a second: 0.6 before, 0.6 since; \
                    silver: requests a second: 0.3 before, 0.3 since; \
                    gold: requests a second: 0.1 before, 0.1 since";
    assert_eq!(why, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_telemetry_does_not_have_is_not_shown() {
    let (service, operation) = PRICES;
    let truth = |cause| Truth { service, operation, cause, affected: Everyone };
    let mut past = Past::of(None, false).await;
    past.case.truth = Some(truth(Cause::Slow));
    assert!(!shown(&past.case, &past.storage).await.unwrap().0);
    // Neither is that nothing is wrong, where orders take longer or fail, though by no doing of theirs.
    for cause in [Cause::Slow, Cause::Errors] {
        let past = Past::of(Some(truth(cause)), false).await;
        let unaware = Case { truth: None, ..past.case.clone() };
        assert!(!shown(&unaware, &past.storage).await.unwrap().0, "{cause}");
    }
}
