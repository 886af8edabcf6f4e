//! What each kind of client sends, at first and then again and again.

use std::future::pending;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at};

use crate::Kind;
use crate::frame::{
    self, CONTINUATION, DATA, END, END_HEADERS, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE,
};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const WRITE_STREAM: &str = "/jaeger.storage.v1.StreamingSpanWriterPlugin/WriteSpanStream";
const GET_TRACES: &str = "/jaeger.storage.v2.TraceReader/GetTraces";

/// The time between two bytes, and that between two bursts.
const BYTE: Duration = Duration::from_secs(1);
const BURST: Duration = Duration::from_secs(5);
/// The frames of a burst.
const FRAMES: usize = 100;

/// Does what it does until the server closes the connection.
pub(crate) async fn run(mut stream: TcpStream, kind: Kind, asked: &[u8]) -> io::Result<()> {
    let mut client = Client { kind, asked, last: 1, is_open: false };
    let opening = client.opening();
    stream.write_all(&opening).await?;
    let (mut read, mut write) = stream.split();
    let every = match kind {
        Kind::SlowWriter | Kind::SlowReader => Some(BYTE),
        Kind::Silent | Kind::HalfPreface | Kind::Preface | Kind::Idle => None,
        _ => Some(BURST),
    };
    let mut again = every.map(|every| interval_at(Instant::now() + every, every));
    let mut came = BytesMut::new();
    loop {
        let sent = tokio::select! {
            len = read.read_buf(&mut came) => match len? {
                0 => return Ok(()),
                _ => client.answer(&mut came),
            },
            () = async {
                match &mut again {
                    Some(again) => drop(again.tick().await),
                    None => pending().await,
                }
            } => client.again(),
        };
        write.write_all(&sent).await?;
    }
}

struct Client<'a> {
    kind: Kind,
    asked: &'a [u8],
    /// The stream of the last request, and whether its answer goes on.
    last: u32,
    is_open: bool,
}

impl Client<'_> {
    fn opening(&mut self) -> BytesMut {
        let mut out = match self.kind {
            Kind::Silent => return BytesMut::new(),
            Kind::HalfPreface => return PREFACE[..10].into(),
            Kind::Preface => return PREFACE.into(),
            Kind::SlowReader => frame::begin(Some(0)),
            _ => frame::begin(None),
        };
        out.extend_from_slice(&self.again());
        out
    }

    /// What it sends from time to time.
    fn again(&mut self) -> BytesMut {
        let mut out = BytesMut::new();
        match self.kind {
            Kind::Silent | Kind::HalfPreface | Kind::Preface | Kind::Idle => {}
            Kind::OpenStreams if self.is_open => {}
            Kind::OpenStreams => {
                self.request(&mut out, WRITE_STREAM, 0);
                self.request(&mut out, EXPORT, 0);
            }
            Kind::SlowWriter if self.is_open => frame::put(&mut out, DATA, 0, self.last, b"x"),
            Kind::SlowWriter => {
                self.request(&mut out, EXPORT, 0);
                frame::put(&mut out, DATA, 0, self.last, &frame::announced(1 << 20));
            }
            Kind::SlowReader if self.is_open => {
                frame::put(&mut out, WINDOW_UPDATE, 0, self.last, &1_u32.to_be_bytes());
            }
            Kind::SlowReader => {
                self.request(&mut out, GET_TRACES, 0);
                frame::put(&mut out, DATA, END, self.last, &frame::message(self.asked));
            }
            Kind::Pings => (0..FRAMES).for_each(|_| frame::put(&mut out, PING, 0, 0, &[7; 8])),
            Kind::Settings => (0..FRAMES).for_each(|_| frame::put(&mut out, SETTINGS, 0, 0, &[])),
            Kind::Resets => {
                for _ in 0..FRAMES {
                    self.request(&mut out, EXPORT, 0);
                    frame::put(&mut out, RST_STREAM, 0, self.last, &8_u32.to_be_bytes());
                }
            }
            Kind::Continuations => {
                if !self.is_open {
                    self.last += 2;
                    self.is_open = true;
                    frame::put(&mut out, HEADERS, 0, self.last, &frame::request(EXPORT));
                }
                let header = frame::large_header(1000);
                let mut put = |_| frame::put(&mut out, CONTINUATION, 0, self.last, &header);
                (0..FRAMES).for_each(&mut put);
            }
            Kind::LargeHeaders => (0..FRAMES / 10).for_each(|_| {
                self.request(&mut out, EXPORT, 15_000);
            }),
        }
        out
    }

    /// Opens a request, with a header of so many bytes if they are some.
    fn request(&mut self, out: &mut BytesMut, path: &str, header: usize) {
        self.last += 2;
        self.is_open = true;
        let mut block = frame::request(path);
        if header > 0 {
            block.extend_from_slice(&frame::large_header(header));
        }
        frame::put(out, HEADERS, END_HEADERS, self.last, &block);
    }

    /// What it says to what came: that it lives, and that it has the settings.
    fn answer(&mut self, came: &mut BytesMut) -> BytesMut {
        let mut out = BytesMut::new();
        let is_mute = matches!(self.kind, Kind::Silent | Kind::HalfPreface | Kind::Preface);
        while let Some(frame) = frame::take(came) {
            let is_end = frame.flags & END != 0;
            match frame.kind {
                PING | SETTINGS if !is_end && !is_mute => {
                    let payload = if frame.kind == PING { &frame.payload[..] } else { &[] };
                    frame::put(&mut out, frame.kind, END, 0, payload);
                }
                RST_STREAM => self.is_open &= frame.stream != self.last,
                HEADERS | DATA if is_end => self.is_open &= frame.stream != self.last,
                _ => {}
            }
        }
        out
    }
}
