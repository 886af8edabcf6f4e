use super::support::{Plugin, greeter};

#[tokio::test]
async fn an_event_is_a_line_of_hclog() {
    let mut plugin = Plugin::start(&mut greeter()).await;
    plugin.greet("Ann").await.unwrap();
    let line = plugin.logged("greeting").await;
    assert_eq!(line["@level"], "info");
    assert_eq!(line["@module"], "greeter");
    assert_eq!(line["word"], "Good day");
    assert_eq!(line["letters"], 3);
    // As in `2006-01-02T15:04:05.000000Z`: in any other format, a host takes the line for text.
    let time = line["@timestamp"].as_str().unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
}

#[tokio::test]
async fn a_panic_is_an_error_in_the_hosts_log() {
    let mut plugin = Plugin::start(&mut greeter()).await;
    plugin.greet("").await.unwrap_err();
    let line = plugin.logged("panic: nobody to greet").await;
    assert_eq!(line["@level"], "error");
    assert!(line["location"].as_str().unwrap().contains("greeter/main.rs:"), "{line}");

    assert_eq!(plugin.greet("Ann").await.unwrap(), "Good day, Ann", "it goes on");
}
