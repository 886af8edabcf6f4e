//! Calls and what they take (the operators' definitions in `expression.proto`).

use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{Call, Expression};
use spoor_store::filter::{Collection, Comparison, Constant, Filter, Level, Operand};

use super::operands::{self, attribute, constant, list, reference, term_name, words};
use super::{MAX_DEPTH, MAX_NODES, MAX_PATTERN_BYTES, MAX_PATTERNS};

/// Reads one filter, and counts what it has.
#[derive(Default)]
pub(super) struct Decoder {
    nodes: usize,
    patterns: usize,
}

impl Decoder {
    /// The filter of a call that stands this deep.
    pub(super) fn call(&mut self, call: &Call, depth: usize) -> Result<Filter, String> {
        if depth > MAX_DEPTH {
            return Err(format!("calls nest more than {MAX_DEPTH} deep"));
        }
        let args = &call.args[..];
        self.nodes = self.nodes.saturating_add(1 + args.len());
        if self.nodes > MAX_NODES {
            return Err(format!("it has more than {MAX_NODES} calls and operands"));
        }
        let op = &*call.op;
        Ok(match op {
            "and" => Filter::And(self.predicates(op, args, depth)?),
            "or" => Filter::Or(self.predicates(op, args, depth)?),
            "not" => {
                let [inner] = exactly(op, args)?;
                Filter::Not(Box::new(self.predicate(op, inner, depth)?))
            }
            "eq" => compare(op, Comparison::Eq, args)?,
            "ne" => compare(op, Comparison::Ne, args)?,
            "gt" => compare(op, Comparison::Gt, args)?,
            "lt" => compare(op, Comparison::Lt, args)?,
            "gte" => compare(op, Comparison::Gte, args)?,
            "lte" => compare(op, Comparison::Lte, args)?,
            "regex" => self.regex(op, args)?,
            "exists" => {
                let [operand] = exactly(op, args)?;
                Filter::Exists(reference(op, operand)?)
            }
            "in" => {
                let (operand, constants) = membership(op, args)?;
                Filter::In(operand, constants)
            }
            "not_in" => {
                let (operand, constants) = membership(op, args)?;
                Filter::NotIn(operand, constants)
            }
            "some" => {
                let [collection, inner] = exactly(op, args)?;
                let collection = self::collection(op, collection)?;
                Filter::Some(collection, Box::new(self.predicate(op, inner, depth)?))
            }
            "phrase" => {
                let [searched, wanted] = exactly(op, args)?;
                Filter::Phrase(attribute(op, searched)?, words(op, wanted)?)
            }
            "fulltext" => {
                let [searched, wanted] = exactly(op, args)?;
                Filter::Fulltext(attribute(op, searched)?, words(op, wanted)?)
            }
            unknown => return Err(format!("unknown operator {unknown:?}")),
        })
    }

    fn predicates(
        &mut self,
        op: &str,
        args: &[Expression],
        depth: usize,
    ) -> Result<Vec<Filter>, String> {
        if args.len() < 2 {
            let got = args.len();
            return Err(format!("operator {op:?} takes at least two arguments, got {got}"));
        }
        args.iter().map(|arg| self.predicate(op, arg, depth)).collect()
    }

    fn predicate(&mut self, op: &str, arg: &Expression, depth: usize) -> Result<Filter, String> {
        match &arg.term {
            Some(Term::Call(call)) => self.call(call, depth + 1),
            _ => Err(format!("operator {op:?} takes a predicate, got {}", term_name(arg))),
        }
    }

    fn regex(&mut self, op: &str, args: &[Expression]) -> Result<Filter, String> {
        let [searched, pattern] = exactly(op, args)?;
        let searched = reference(op, searched)?;
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(format!("it has more than {MAX_PATTERNS} patterns"));
        }
        let pattern = match &pattern.term {
            Some(Term::Scalar(pattern)) if matches!(&*pattern.r#type, "" | "string") => pattern,
            _ => {
                let got = term_name(pattern);
                return Err(format!("operator {op:?} takes a constant string, got {got}"));
            }
        };
        let (bytes, most) = (pattern.value.len(), MAX_PATTERN_BYTES);
        if bytes > most {
            return Err(format!("operator {op:?} takes a pattern of {most} bytes, got {bytes}"));
        }
        Ok(Filter::Regex(searched, pattern.value.clone()))
    }
}

/// The arguments of an operator that takes as many.
fn exactly<'a, const N: usize>(
    op: &str,
    args: &'a [Expression],
) -> Result<&'a [Expression; N], String> {
    args.try_into()
        .map_err(|_| format!("operator {op:?} takes {N} argument(s), got {}", args.len()))
}

/// A comparison with the reference on the left, if there is one.
fn compare(op: &str, comparison: Comparison, args: &[Expression]) -> Result<Filter, String> {
    let [left, right] = exactly(op, args)?;
    let (left, right) = (operands::operand(op, left)?, operands::operand(op, right)?);
    Ok(match (left, right) {
        (Operand::Constant(left), Operand::Constant(right)) => {
            Filter::Compare(Operand::Constant(left), comparison, Operand::Constant(right))
        }
        (Operand::Constant(constant), reference) => {
            against(reference, comparison.swapped(), constant)?
        }
        (reference, Operand::Constant(constant)) => against(reference, comparison, constant)?,
        (left, right) => Filter::Compare(left, comparison, right),
    })
}

fn against(
    reference: Operand,
    comparison: Comparison,
    constant: Constant,
) -> Result<Filter, String> {
    let constant = match (&reference, constant) {
        (Operand::Field(field), Constant::Any(text)) => operands::beside_field(*field, &text)?,
        (_, constant) => constant,
    };
    Ok(Filter::Compare(reference, comparison, Operand::Constant(constant)))
}

fn membership(op: &str, args: &[Expression]) -> Result<(Operand, Vec<Constant>), String> {
    let [operand, list] = exactly(op, args)?;
    let operand = reference(op, operand)?;
    let list = self::list(op, list)?;
    let constants = list.values.iter().map(|text| match &operand {
        Operand::Field(field) if list.r#type.is_empty() => operands::beside_field(*field, text),
        _ => constant(text, &list.r#type),
    });
    let constants = constants.collect::<Result<_, _>>()?;
    Ok((operand, constants))
}

fn collection(op: &str, arg: &Expression) -> Result<Collection, String> {
    let Some(Term::Nested(nested)) = &arg.term else {
        let got = term_name(arg);
        return Err(format!("operator {op:?} takes a collection reference, got {got}"));
    };
    [Collection::Events, Collection::Links]
        .into_iter()
        .find(|collection| collection.level().name() == nested.level)
        .ok_or_else(|| {
            let [event, link] = [Level::Event, Level::Link].map(Level::name);
            let got = &nested.level;
            format!("operator {op:?} quantifies over {event:?} or {link:?}, got level {got:?}")
        })
}
