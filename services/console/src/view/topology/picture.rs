//! The picture: those who call and are called on an ellipse, an arrow for each kind of call.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::time::Duration;

use maud::{Markup, html};
use traces::{Red, Topology};

use super::requests;
use crate::view::figure::percent;
use crate::view::text::visible;

/// More than these are a heap of lines: then there is the table alone.
const MOST_NODES: usize = 12;
const MOST_EDGES: usize = 48;
/// Characters of a name that a box has room for.
const NAME: usize = 15;

/// In units of the picture, as all below.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const RADII: (f64, f64) = (300.0, 175.0);
const BOX: (f64, f64) = (140.0, 44.0);
/// How far an arrow bends, and how much more each further one between the same two does.
const BEND: f64 = 26.0;
const MORE_BEND: f64 = 30.0;
/// Around an arrow's number.
const MARGIN: f64 = 12.0;
/// Points of a curve that are looked at to find where it leaves a box.
const STEPS: usize = 100;

type Point = (f64, f64);

pub(super) fn picture(topology: &Topology, over: Option<Duration>) -> Markup {
    let names = names(topology);
    if names.len() > MOST_NODES || topology.calls.len() > MOST_EDGES {
        return html! { p { "They are too many for a picture." } };
    }
    let places: BTreeMap<&str, Point> =
        names.iter().enumerate().map(|(place, name)| (*name, point(place, names.len()))).collect();
    let told = format!(
        "{} services and databases, and {} kinds of calls between them; the tables below tell the same",
        names.len(),
        topology.calls.len()
    );
    let mut drawn: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let curves = topology.calls.keys().map(|call| {
        let before = drawn.entry((&call.from, &call.to)).or_default();
        let curve = Curve::between((places[&*call.from], places[&*call.to]), *before);
        *before += 1;
        curve
    });
    let curves: Vec<_> = curves.collect();
    html! {
        svg.picture role="img" aria-label=(told) viewBox=(frame(&curves)) {
            @for (place, (curve, red)) in curves.iter().zip(topology.calls.values()).enumerate() {
                (edge(curve, place + 1, red))
            }
            @for (name, place) in &places {
                (node(name, *place, topology.services.get(*name), over))
            }
        }
    }
}

/// All boxes, and the numbers of arrows that go around one at the edge.
fn frame(curves: &[Curve]) -> String {
    let (mut left, mut top, mut right, mut bottom) = (0.0_f64, 0.0_f64, WIDTH, HEIGHT);
    for (x, y) in curves.iter().map(|curve| curve.at(0.5)) {
        (left, top) = (left.min(x - MARGIN), top.min(y - MARGIN));
        (right, bottom) = (right.max(x + MARGIN), bottom.max(y + MARGIN));
    }
    format!("{left:.1} {top:.1} {:.1} {:.1}", right - left, bottom - top)
}

/// Services, and behind each the databases that are its own.
fn names(topology: &Topology) -> Vec<&str> {
    let ends = topology.calls.keys().flat_map(|call| [&*call.from, &*call.to]);
    let mut names: Vec<_> = topology.services.keys().map(String::as_str).chain(ends).collect();
    names.sort_by_key(|name| name.rsplit_once(" of ").map_or((*name, ""), |(it, of)| (of, it)));
    names.dedup();
    names
}

/// The first of them is at the top, the others follow clockwise.
fn point(place: usize, of: usize) -> Point {
    if of == 1 {
        return (WIDTH / 2.0, HEIGHT / 2.0);
    }
    let angle = TAU * (place as f64 / of as f64 - 0.25);
    (WIDTH / 2.0 + RADII.0 * angle.cos(), HEIGHT / 2.0 + RADII.1 * angle.sin())
}

fn node(name: &str, (x, y): Point, red: Option<&Red>, over: Option<Duration>) -> Markup {
    let (wide, high) = BOX;
    html! {
        g class={ "node " (health(red)) } {
            rect x=(at(x - wide / 2.0)) y=(at(y - high / 2.0)) width=(wide) height=(high) rx="6" {}
            // A drawing of its own ends at its edge: nobody knows how wide a name's letters are.
            svg x=(at(x - wide / 2.0)) y=(at(y - high / 2.0)) width=(wide) height=(high) aria-hidden="true" {
                text x="50%" y=(at(high / 2.0 - 4.0)) text-anchor="middle" { (visible(name, NAME)) }
                @if let Some(red) = red {
                    text.figures x="50%" y=(at(high / 2.0 + 14.0)) text-anchor="middle" {
                        // Short, for there is little room.
                        @match over {
                            None if red.errors > 0 => { (red.errors) " of " (red.requests) " failed" }
                            _ => {
                                (requests(red, over))
                                @if red.errors > 0 { ", " (percent(red.error_ratio())) " failed" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn edge(curve: &Curve, number: usize, red: &Red) -> Markup {
    let Some((from, to)) = curve.visible() else { return html! {} };
    let [start, end] = [from, to].map(|part| curve.at(part));
    let [c1, c2] = curve.controls(from, to);
    let (x, y) = curve.at(f64::midpoint(from, to));
    html! {
        g class={ "edge " (health(Some(red))) } {
            path fill="none" d=(format!("M {} C {} {} {}", pair(start), pair(c1), pair(c2), pair(end))) {}
            polygon points=(arrow(curve.at(to - 0.03), end)) {}
            circle cx=(at(x)) cy=(at(y)) r="9" {}
            text x=(at(x)) y=(at(y + 4.0)) text-anchor="middle" { (number) }
        }
    }
}

fn health(red: Option<&Red>) -> &'static str {
    if red.is_some_and(|red| red.errors > 0) { "failing" } else { "well" }
}

fn at(number: f64) -> String {
    format!("{number:.1}")
}

fn pair((x, y): Point) -> String {
    format!("{x:.1},{y:.1}")
}

/// A triangle that points from `from` and ends at `tip`.
fn arrow(from: Point, tip: Point) -> String {
    let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
    let length = dx.hypot(dy).max(1e-6);
    let (dx, dy) = (dx / length, dy / length);
    let back = (tip.0 - 10.0 * dx, tip.1 - 10.0 * dy);
    let side = |of: f64| (back.0 - of * dy, back.1 + of * dx);
    format!("{} {} {}", pair(tip), pair(side(5.0)), pair(side(-5.0)))
}

/// A cubic Bézier curve between the middles of two boxes, or around one.
struct Curve {
    points: [Point; 4],
}

impl Curve {
    /// `before` are between the same two.
    fn between((from, to): (Point, Point), before: usize) -> Self {
        let bend = BEND + MORE_BEND * before as f64;
        if from == to {
            // Away from the middle of the picture.
            let up = if from.1 <= HEIGHT / 2.0 { -1.0 } else { 1.0 };
            let out = (BOX.1 + bend) * up;
            let side = |x: f64| (from.0 + x, from.1 + out);
            return Self { points: [from, side(-50.0), side(50.0), to] };
        }
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-6);
        // To the left of its way, so that the call back is on the other side.
        let aside = |part: f64| {
            (from.0 + part * dx + bend * dy / length, from.1 + part * dy - bend * dx / length)
        };
        Self { points: [from, aside(0.3), aside(0.7), to] }
    }

    fn at(&self, part: f64) -> Point {
        let [a, b, c, d] = self.points;
        let (s, t) = (1.0 - part, part);
        let mix = |a: f64, b: f64, c: f64, d: f64| {
            s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
        };
        (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))
    }

    /// The part of it outside the boxes, none if there is nothing.
    fn visible(&self) -> Option<(f64, f64)> {
        let parts = || (0..=STEPS).map(|step| step as f64 / STEPS as f64);
        let [first, .., last] = self.points;
        let outside = |part: &f64| !is_in(self.at(*part), first) && !is_in(self.at(*part), last);
        let (from, to) = (parts().find(outside)?, parts().rev().find(outside)?);
        (from < to).then_some((from, to))
    }

    /// The control points of what is between two parts of it.
    fn controls(&self, from: f64, to: f64) -> [Point; 2] {
        let third = (to - from) / 3.0;
        let along = |part: f64, sign: f64| {
            let ((x, y), (dx, dy)) = (self.at(part), self.slope(part));
            (x + sign * third * dx, y + sign * third * dy)
        };
        [along(from, 1.0), along(to, -1.0)]
    }

    fn slope(&self, part: f64) -> Point {
        let [a, b, c, d] = self.points;
        let (s, t) = (1.0 - part, part);
        let mix = |a: f64, b: f64, c: f64, d: f64| {
            3.0 * s * s * (b - a) + 6.0 * s * t * (c - b) + 3.0 * t * t * (d - c)
        };
        (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1))
    }
}

fn is_in(point: Point, middle: Point) -> bool {
    (point.0 - middle.0).abs() <= BOX.0 / 2.0 && (point.1 - middle.1).abs() <= BOX.1 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_begins_and_ends_outside_the_boxes_and_the_way_back_is_another() {
        let (one, other) = (point(0, 4), point(1, 4));
        let there = Curve::between((one, other), 0);
        let (from, to) = there.visible().unwrap();
        for part in [from, to] {
            assert!(!is_in(there.at(part), one) && !is_in(there.at(part), other));
        }
        let back = Curve::between((other, one), 0);
        let apart = |(a, b): (Point, Point)| (a.0 - b.0).hypot(a.1 - b.1);
        assert!(apart((there.at(0.5), back.at(0.5))) > 20.0);
        let second = Curve::between((one, other), 1);
        assert!(apart((there.at(0.5), second.at(0.5))) > 20.0);
    }

    #[test]
    fn a_call_of_oneself_leaves_the_box() {
        for place in 0..4 {
            let middle = point(place, 4);
            let (from, to) = Curve::between((middle, middle), 0).visible().unwrap();
            assert!(to - from > 0.2, "{from} {to}");
        }
    }

    #[test]
    fn arrows_around_a_box_at_the_edge_are_in_the_picture() {
        let top = point(0, 4);
        let curves: Vec<_> = (0..3).map(|before| Curve::between((top, top), before)).collect();
        let frame: Vec<f64> = frame(&curves).split(' ').map(|it| it.parse().unwrap()).collect();
        let [_, from, _, height] = frame[..] else { panic!("{frame:?}") };
        for (_, y) in curves.iter().map(|curve| curve.at(0.5)) {
            assert!(y - 9.0 >= from && y + 9.0 <= from + height, "{y} in {frame:?}");
        }
        assert_eq!(frame[1] + frame[3], HEIGHT);
        assert_eq!(super::frame(&curves[..0]), "0.0 0.0 760.0 460.0");
    }

    #[test]
    fn the_part_of_a_curve_is_the_curve() {
        let curve = Curve::between((point(0, 4), point(2, 4)), 0);
        let [c1, c2] = curve.controls(0.2, 0.8);
        let part = Curve { points: [curve.at(0.2), c1, c2, curve.at(0.8)] };
        let (middle, same) = (curve.at(0.5), part.at(0.5));
        assert!((middle.0 - same.0).hypot(middle.1 - same.1) < 1e-6);
    }

    #[test]
    fn every_box_is_in_the_picture_and_apart_from_the_others() {
        for of in 1..=MOST_NODES {
            let places: Vec<_> = (0..of).map(|place| point(place, of)).collect();
            for (x, y) in &places {
                assert!(x - BOX.0 / 2.0 >= 0.0 && x + BOX.0 / 2.0 <= WIDTH, "{of}");
                assert!(y - BOX.1 / 2.0 >= 0.0 && y + BOX.1 / 2.0 <= HEIGHT, "{of}");
            }
            for (one, other) in places.iter().zip(places.iter().skip(1)) {
                let apart = (one.0 - other.0).abs() >= BOX.0 || (one.1 - other.1).abs() >= BOX.1;
                assert!(apart, "{of}: {one:?} {other:?}");
            }
        }
    }
}
