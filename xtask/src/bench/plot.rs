//! The bench as a picture: for each row the limit and Banyan as bars, with the lowest and the
//! highest round, and the ratio beside them. It shows what the JSON file says, nothing else.

use serde_json::Value;
use std::fmt::Write as _;

/// Where the bars begin and end, in pixels.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 640.0;
/// What follows the bars: the ratio and the times.
const WIDTH: f64 = 960.0;
const TOP: f64 = 64.0;
const ROW: f64 = 58.0;
const BAR: f64 = 18.0;

/// What a bar shows.
struct Bar {
    median: f64,
    low: f64,
    high: f64,
}

impl Bar {
    /// From the rounds of one cell, in sagas per second.
    fn of(figures: &Value) -> Bar {
        let rounds = figures["sagas_per_second"].as_array();
        let rounds = rounds.into_iter().flatten().filter_map(Value::as_f64);
        let mut rounds: Vec<f64> = rounds.filter(|rate| rate.is_finite()).collect();
        rounds.sort_by(f64::total_cmp);
        let at = |place: usize| rounds.get(place).copied().unwrap_or_default();
        Bar {
            median: at(rounds.len() / 2),
            low: at(0),
            high: at(rounds.len().saturating_sub(1)),
        }
    }
}

/// The picture, as SVG, of what the bench writes as JSON.
pub(super) fn draw(figures: &Value) -> String {
    let rows = figures["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let bars = |row: &Value| [Bar::of(&row["limit"]), Bar::of(&row["banyan"])];
    let highest = rows.iter().flat_map(bars).map(|bar| bar.high);
    let scale = (RIGHT - LEFT) / highest.fold(1.0, f64::max);
    let height = rows.iter().fold(TOP, |height, _| height + ROW);
    let mut svg = String::new();
    // Writing into a String cannot fail, here and below.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut svg,
        16.0,
        24.0,
        "Sagas a second, beside the same calls without an orchestrator (the limit)",
    );
    text(
        &mut svg,
        16.0,
        46.0,
        "bar: median of the rounds; line: lowest to highest",
    );
    let mut top = TOP;
    for row in rows {
        draw_row(&mut svg, row, top, scale);
        top += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_row(svg: &mut String, row: &Value, top: f64, scale: f64) {
    let kind = row["kind"].as_str().unwrap_or_default();
    text(
        svg,
        16.0,
        top + BAR,
        &format!("{} in flight", row["in_flight"]),
    );
    text(svg, 16.0, top + 2.0 * BAR, kind);
    let cells = [("limit", "#b8c4ce", 0.0), ("banyan", "#1f7a4d", BAR + 2.0)];
    for (name, colour, offset) in cells {
        let bar = Bar::of(&row[name]);
        let (width, y) = (bar.median * scale, top + offset);
        let (low, high, middle) = (
            LEFT + bar.low * scale,
            LEFT + bar.high * scale,
            y + BAR / 2.0,
        );
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <path d=\"M{low:.1} {middle}H{high:.1}\" stroke=\"#20262b\"/>"
        );
        let times = format!(
            "{name} {:.0}/s, p50 {} ms, p99 {} ms",
            bar.median,
            figure(&row[name]["p50_ms"]),
            figure(&row[name]["p99_ms"]),
        );
        text(svg, RIGHT + 12.0, y + BAR - 4.0, &times);
    }
    text(svg, 92.0, top + 2.0 * BAR, &figure(&row["ratio"]));
}

/// A figure; a dash where nothing was measured.
fn figure(value: &Value) -> String {
    let figure = value.as_f64().map(|figure| format!("{figure:.2}"));
    figure.unwrap_or_else(|| "–".to_owned())
}

fn text(svg: &mut String, x: f64, y: f64, words: &str) {
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{words}</text>");
}

#[cfg(test)]
mod tests {
    use super::draw;
    use serde_json::json;

    #[test]
    fn a_bar_is_as_long_as_its_figure_in_the_highest() {
        let row = |limit: &[f64], banyan: &[f64]| {
            json!({
                "in_flight": 64, "kind": "done", "ratio": 0.25,
                "limit": { "sagas_per_second": limit, "p50_ms": 2.5, "p99_ms": 9.0 },
                "banyan": { "sagas_per_second": banyan, "p50_ms": 10.0, "p99_ms": 20.0 },
            })
        };
        let svg = draw(&json!({ "rows": [row(&[900.0, 1000.0, 800.0], &[225.0])] }));
        assert!(svg.contains("width=\"441.0\""), "900 of 1000: {svg}");
        assert!(svg.contains("width=\"110.2\""), "225 of 1000: {svg}");
        assert!(svg.contains("M542.0 73H640.0"), "from 800 to 1000: {svg}");
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains(">0.25<") && svg.contains("banyan 225/s, p50 10.00 ms"));
    }

    #[test]
    fn nothing_measured_is_an_empty_picture() {
        let nothing = json!({ "rows": [{ "limit": { "sagas_per_second": [null] } }] });
        let svg = draw(&nothing);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("p50 – ms") && svg.contains(">–<"), "{svg}");
        assert!(draw(&json!({})).ends_with("</svg>\n"));
    }
}
