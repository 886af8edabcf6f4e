use anyhow::{Context, bail};

use super::Query;

impl Query {
    /// The expression with the values of Grafana's variables in place of `$name`, `${name}` and
    /// `${name:format}`. A name is as it stands there, such as `__rate_interval`,
    /// `__data.fields.Operation` or `__span.tags["service.name"]`.
    ///
    /// # Errors
    /// When the expression has a variable without a value: Grafana would send it as it stands.
    pub fn expand(&self, values: &[(&str, &str)]) -> anyhow::Result<String> {
        expand(&self.expression, values).with_context(|| {
            format!("expanding {} of {} in {}", self.ref_id, self.title, self.source.display())
        })
    }
}

fn expand(expression: &str, values: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut expanded = String::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, after) = variable(after)?;
        // A dollar before anything else is the end of a regular expression.
        if name.is_empty() {
            expanded.push('$');
        } else {
            let value = values.iter().find(|(known, _)| *known == name);
            expanded.push_str(value.with_context(|| format!("no value for ${name}"))?.1);
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The name after a dollar, and what follows it.
fn variable(text: &str) -> anyhow::Result<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        let Some((name, after)) = braced.split_once('}') else {
            bail!("no end of ${{{braced}");
        };
        return Ok((name.split_once(':').map_or(name, |(name, _format)| name), after));
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    // No name begins with a digit: `$1` is a group of a replacement.
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(("", text))
    } else {
        Ok(text.split_at(end))
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn every_form_of_a_variable_is_expanded() {
        let values = [("service", "app-a"), ("__data.fields.Operation", "GET /")];
        let expression =
            r#"{a="$service", b="${service}", c="${service:raw}", d="${__data.fields.Operation}"}"#;
        let expanded = expand(expression, &values).unwrap();
        assert_eq!(expanded, r#"{a="app-a", b="app-a", c="app-a", d="GET /"}"#);
    }

    #[test]
    fn the_end_of_a_regular_expression_and_its_groups_stay() {
        let expression = r#"label_replace(up{job=~"^a$"}, "b", "$1", "job", "(.*)")"#;
        assert_eq!(expand(expression, &[]).unwrap(), expression);
    }

    #[test]
    fn a_variable_without_a_value_is_an_error() {
        let error = expand("rate(up[$__rate_interval])", &[("__range", "1m")]).unwrap_err();
        assert_eq!(error.to_string(), "no value for $__rate_interval");
    }
}
