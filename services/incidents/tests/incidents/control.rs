//! What is asked of whom, and what is told when it is not done.

use incidents::control::{Error, Faults, Kind, Latency, Load, Spec};

use crate::lab::{StandIn, TOKEN, http};

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_begun_listed_and_ended() {
    let lab = StandIn::start().await;
    let faults = &lab.faults[1];
    let latency = Some(Latency::Uniform { min_ms: 100, max_ms: 300 });
    let operation = Some("POST /payments".to_owned());
    let spec = Spec { operation, latency, seed: 7, ..Spec::new(Kind::Latency) };
    let id = faults.begin(&spec).await.unwrap();
    let hidden = faults.begin(&Spec { hidden: true, ..spec.clone() }).await.unwrap();
    let listed = faults.list().await.unwrap();
    assert_eq!((listed[0].id, listed[0].hidden, listed[0].spec.as_ref()), (id, false, Some(&spec)));
    assert_eq!((listed[1].id, listed[1].hidden, &listed[1].spec), (hidden, true, &None));
    faults.end(id).await.unwrap();
    assert_eq!(lab.counts(), [0, 1, 0, 0]);
    faults.end_all().await.unwrap();
    assert_eq!(lab.counts(), [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_read_and_changed_in_part() {
    let lab = StandIn::start().await;
    let figures = lab.load.figures().await.unwrap();
    assert_eq!((figures.rate, figures.requests, figures.paths.len()), (2.0, 3, 1));
    assert_eq!(figures.slowest[0].trace_id.as_deref(), Some("4b"));
    let mix = "POST app-b/orders:8,/at?t=1&u=%20:2";
    lab.load.change(Some(0.5), Some(mix)).await.unwrap();
    assert_eq!(lab.load_is(), (0.5, mix.to_owned()));
    lab.load.change(None, Some("")).await.unwrap();
    assert_eq!(lab.load_is(), (0.5, String::new()));
    let figures = lab.load.change(Some(3.0), None).await.unwrap();
    assert_eq!((figures.rate, &*figures.mix), (3.0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_says_what_was_asked_of_whom_and_no_secret() {
    let lab = StandIn::start().await;
    let missing = lab.faults[2].end(7).await.unwrap_err();
    assert!(matches!(missing, Error::Refused { .. }));
    let told = missing.to_string();
    assert!(told.starts_with("ending fault 7 of app-c at http://127.0.0.1:"), "{told}");
    assert!(told.ends_with(": answered 404: there is no such fault"), "{told}");

    let refused = lab.load.change(None, Some("chain")).await.unwrap_err().to_string();
    assert!(refused.starts_with("changing the rate or the mix of the load at http"), "{refused}");
    assert!(refused.ends_with(": answered 400: mix: expected a path"), "{refused}");

    let nobody = Faults::new("app-a", "http://127.0.0.1:1", TOKEN, http());
    for told in [
        nobody.list().await.unwrap_err().to_string(),
        format!("{:?}", nobody.begin(&Spec::new(Kind::Error)).await.unwrap_err()),
        format!("{nobody:?}"),
    ] {
        assert!(told.contains("app-a") && !told.contains(TOKEN), "{told}");
    }
    let told = nobody.begin(&Spec::new(Kind::CacheOff)).await.unwrap_err().to_string();
    let expected = "beginning a fault, cache_off, of app-a at http://127.0.0.1:1: ";
    assert!(told.starts_with(expected) && told.contains("refused"), "{told}");
    let hidden = Spec { hidden: true, ..Spec::new(Kind::CacheOff) };
    let told = nobody.begin(&hidden).await.unwrap_err().to_string();
    assert!(!told.contains("cache"), "{told}");
    let told = Load::new("http://127.0.0.1:1", http()).figures().await.unwrap_err().to_string();
    assert!(told.starts_with("reading the figures of the load at http://127.0.0.1:1: "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_read_to_it() {
    let endless = async || {
        let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1 << 16)));
        axum::body::Body::from_stream(chunks)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(endless);
    tokio::spawn(async { axum::serve(listener, router).await });
    let faults = Faults::new("app-a", &url, TOKEN, http());
    let load = Load::new(&url, http());
    for told in [
        faults.list().await.unwrap_err(),
        faults.end_all().await.unwrap_err(),
        load.figures().await.unwrap_err(),
    ] {
        assert!(told.to_string().ends_with("it has more than 1 MiB"), "{told}");
    }
}
