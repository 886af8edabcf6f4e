//! From a store's directory to a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use spoor_embedded::check::Finding;
use spoor_embedded::scan::{Found, Progress, scan};
use spoor_store::TimeRange;
use spoor_store::otlp::spans_of;

use crate::error::ExportError;
use crate::schema;
use crate::spans::SpanColumns;

/// What the values of a row group take in memory before they are written; a span more at most.
const ROW_GROUP_BYTES: usize = 48 << 20;
const ZSTD_LEVEL: i32 = 3;

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    /// The number of spans.
    pub(crate) spans: u64,
    /// The length of the file.
    pub(crate) bytes: u64,
    /// What is left out.
    pub(crate) damage: Vec<Finding>,
}

/// Writes the spans that start in the range to a file that is not there yet.
///
/// # Errors
/// When the file is there, or something cannot be read or written. Then there is no file.
pub(crate) fn export(
    directory: &Path,
    out: &Path,
    starts: TimeRange,
    progress: &mut dyn FnMut(Progress),
) -> Result<Exported, ExportError> {
    assert_free(out)?;
    // Under another name until it is whole.
    let mut partial = out.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = File::create(&partial).map_err(ExportError::while_doing("creating", &partial))?;
    let exported = write(directory, file, &partial, starts, progress)
        .and_then(|exported| give_name(&partial, out).map(|()| exported));
    if exported.is_err() {
        // The error that is told says more than one of removing would.
        let _ = fs::remove_file(&partial);
    }
    exported
}

fn assert_free(out: &Path) -> Result<(), ExportError> {
    match out.symlink_metadata() {
        Ok(_) => Err(ExportError::Exists(out.to_owned())),
        Err(_) => Ok(()),
    }
}

fn give_name(partial: &Path, out: &Path) -> Result<(), ExportError> {
    // Not over a file that was made meanwhile, as far as that can be seen.
    assert_free(out)?;
    fs::rename(partial, out).map_err(ExportError::while_doing("creating", out))
}

fn write(
    directory: &Path,
    file: File,
    partial: &Path,
    starts: TimeRange,
    progress: &mut dyn FnMut(Progress),
) -> Result<Exported, ExportError> {
    let schema = Arc::new(schema::parse()?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties()?))?;
    let mut columns = SpanColumns::default();
    let mut exported = Exported::default();
    scan(directory, starts, &mut |found| {
        match found {
            Found::Spans { tenant, data } => {
                for span in spans_of(data).filter(|it| starts.contains(it.span.start)) {
                    columns.push(tenant, &span);
                    exported.spans += 1;
                    if columns.bytes() >= ROW_GROUP_BYTES {
                        columns.write(&mut writer)?;
                    }
                }
            }
            Found::Damage(finding) => exported.damage.push(finding),
            Found::Progress(so_far) => progress(so_far),
        }
        Ok::<(), ExportError>(())
    })?;
    columns.write(&mut writer)?;
    let syncing = ExportError::while_doing("writing", partial);
    let file = writer.into_inner()?;
    let synced = file.sync_all().and_then(|()| file.metadata());
    exported.bytes = synced.map_err(syncing)?.len();
    Ok(exported)
}

fn properties() -> Result<WriterProperties, ExportError> {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("spoor-parquet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?));
    // Each value is another one.
    for column in ["span_id", "start_time", "end_time", "duration_ns"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    Ok(properties.build())
}
