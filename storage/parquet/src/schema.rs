//! The columns of the file, as `docs/parquet.md` tells of them.

use parquet::errors::Result;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

/// Times are told without "adjusted to UTC", although they are in UTC: DuckDB before 2.0 reads
/// those that are so told as microseconds.
const SCHEMA: &str = "
message spans {
  required binary tenant (STRING);
  required binary trace_id (STRING);
  required binary span_id (STRING);
  optional binary parent_span_id (STRING);
  required binary trace_state (STRING);
  required int32 flags (INTEGER(32, false));
  required binary service_name (STRING);
  required binary name (STRING);
  required binary kind (STRING);
  optional int64 start_time (TIMESTAMP(NANOS, false));
  optional int64 end_time (TIMESTAMP(NANOS, false));
  optional int64 duration_ns;
  required binary status_code (STRING);
  required binary status_message (STRING);
  required group resource_attributes (MAP) {
    repeated group key_value {
      required binary key (STRING);
      optional binary value (STRING);
    }
  }
  required binary resource_schema_url (STRING);
  required binary scope_name (STRING);
  required binary scope_version (STRING);
  required group scope_attributes (MAP) {
    repeated group key_value {
      required binary key (STRING);
      optional binary value (STRING);
    }
  }
  required binary scope_schema_url (STRING);
  required group span_attributes (MAP) {
    repeated group key_value {
      required binary key (STRING);
      optional binary value (STRING);
    }
  }
  required int32 dropped_attributes_count (INTEGER(32, false));
  required group events (LIST) {
    repeated group list {
      required group element {
        optional int64 time (TIMESTAMP(NANOS, false));
        required binary name (STRING);
        required group attributes (MAP) {
          repeated group key_value {
            required binary key (STRING);
            optional binary value (STRING);
          }
        }
        required int32 dropped_attributes_count (INTEGER(32, false));
      }
    }
  }
  required int32 dropped_events_count (INTEGER(32, false));
  required group links (LIST) {
    repeated group list {
      required group element {
        optional binary trace_id (STRING);
        optional binary span_id (STRING);
        required binary trace_state (STRING);
        required int32 flags (INTEGER(32, false));
        required group attributes (MAP) {
          repeated group key_value {
            required binary key (STRING);
            optional binary value (STRING);
          }
        }
        required int32 dropped_attributes_count (INTEGER(32, false));
      }
    }
  }
  required int32 dropped_links_count (INTEGER(32, false));
}";

pub(crate) fn parse() -> Result<Type> {
    parse_message_type(SCHEMA)
}
