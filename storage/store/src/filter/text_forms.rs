use super::value::Number;
use super::{Constant, read};
use crate::otlp::{AnyValue, text_of};

impl Constant {
    /// For an index of attributes by their text form ([`text_of`]): the forms that a value equal
    /// to this constant may have. A value with such a form may still be of another type.
    pub fn text_forms(&self) -> Vec<String> {
        match self {
            Self::TextForm(text) | Self::String(text) => vec![text.clone()],
            Self::Int(number) => vec![number.to_string()],
            Self::Double(number) => forms_of_double(*number),
            Self::Bool(truth) => vec![truth.to_string()],
            Self::Any(text) => {
                let mut forms = vec![text.clone()];
                forms.extend(read::truth(text).map(|truth| truth.to_string()));
                match read::number(text) {
                    Some(Number::Whole(number)) => {
                        forms.push(number.to_string());
                        // Where no double equals the number, this is only one form too many.
                        forms.extend(forms_of_double(number as f64));
                    }
                    Some(Number::Double(number)) => {
                        forms.push((number as i64).to_string());
                        forms.extend(forms_of_double(number));
                    }
                    None => {}
                }
                forms.sort_unstable();
                forms.dedup();
                forms
            }
            // No attribute is a duration or an instant.
            Self::Duration(_) | Self::Instant(_) => Vec::new(),
        }
    }
}

/// Both zeros are equal, and have two forms.
fn forms_of_double(number: f64) -> Vec<String> {
    let form = |number| text_of(AnyValue::Double(number)).into_owned();
    if number == 0.0 { vec![form(0.0), form(-0.0)] } else { vec![form(number)] }
}
