//! The picture of messages and bytes over the number of replicas, both scales logarithmic.

use std::fmt::Write as _;

use crate::Cost;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
/// The frame of a panel: left, top, width, height.
const PANELS: [(f64, f64, f64, f64); 2] = [(56.0, 40.0, 300.0, 240.0), (440.0, 40.0, 300.0, 240.0)];
const COLOURS: [&str; 2] = ["#b4451f", "#1f6fb4"];

/// How far below its last dot a line's name stands: that of the upper line above, that of the lower one below.
const BESIDE: [f64; 2] = [-8.0, 22.0];

/// A value's place between the decades `from` and `to`, 0 to 1.
fn place(value: f64, from: f64, to: f64) -> f64 {
    (value.log10() - from) / (to - from)
}

/// Lines are the formulas, where there is one, and join the dots, which are what was counted.
pub fn draw(protocols: &[(&str, &[Cost])]) -> String {
    let mut svg = String::new();
    let style = "text{font:12px sans-serif;fill:#444}.grid{stroke:#ddd}.frame{fill:none;stroke:#888}";
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Messages and bytes for one decision over the number of replicas\">\n<style>{style}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>"
    );
    let messages: fn(&Cost) -> (u64, u64) = |cost| (cost.messages, cost.formula);
    let bytes: fn(&Cost) -> (u64, u64) = |cost| (cost.bytes, cost.bytes);
    panel(&mut svg, PANELS[0], "messages for one decision (lines: formulas)", (0, 5), protocols, messages);
    panel(&mut svg, PANELS[1], "bytes for one decision", (3, 7), protocols, bytes);
    svg += "</svg>\n";
    svg
}

fn panel(
    svg: &mut String,
    (left, top, width, height): (f64, f64, f64, f64),
    title: &str,
    (low, high): (i32, i32),
    protocols: &[(&str, &[Cost])],
    read: fn(&Cost) -> (u64, u64),
) {
    let x = |nodes: u64| left + width * place(nodes as f64, 0.5, 2.1);
    let y = |value: u64| top + height * (1.0 - place(value as f64, f64::from(low), f64::from(high)));
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">{title}</text>", top - 12.0);
    let (right, bottom) = (left + width, top + height);
    for decade in low..=high {
        let value = 10_u64.pow(decade.unsigned_abs());
        let at = y(value);
        let _ = writeln!(svg, "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>");
        let name = if decade < 4 { value.to_string() } else { format!("10^{decade}") };
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>", left - 6.0, at + 4.0);
    }
    let _ = writeln!(svg, "<rect class=\"frame\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>");
    for (((name, costs), colour), beside) in protocols.iter().zip(COLOURS).zip(BESIDE) {
        let points: Vec<String> =
            costs.iter().map(|cost| format!("{:.1},{:.1}", x(cost.nodes), y(read(cost).1))).collect();
        let _ = writeln!(svg, "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>", points.join(" "));
        for cost in *costs {
            let (at, of) = (x(cost.nodes), y(read(cost).0));
            let _ = writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{of:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
        }
        if let Some(last) = costs.last() {
            let (at, of) = (x(last.nodes) - 12.0, y(read(last).0) + beside);
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{of:.1}\" text-anchor=\"end\" style=\"fill:{colour}\">{name}</text>"
            );
        }
    }
    for nodes in protocols.first().into_iter().flat_map(|(_, costs)| costs.iter().map(|cost| cost.nodes)) {
        let at = x(nodes);
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{nodes}</text>", bottom + 18.0);
    }
    let middle = left + width / 2.0;
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">replicas</text>", bottom + 38.0);
}
