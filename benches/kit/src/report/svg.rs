//! Charts as SVG, small enough to be written by hand.

use std::fmt::Write as _;

use crate::report::figure::Chart;
use crate::report::number::readable;

const WIDTH: f64 = 760.0;
/// Where the bars begin; the labels are before it.
const LEFT: f64 = 300.0;
/// Room for the number behind the longest bar.
const RIGHT: f64 = 90.0;
const TOP: f64 = 40.0;
const ROW: f64 = 22.0;

/// A picture that is readable on light and on dark ground.
pub(super) fn draw(chart: &Chart) -> String {
    let height = TOP + ROW * chart.bars.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"22\" font-weight=\"bold\">{title}, {unit}{scale}</text>\n",
        title = escaped(&chart.title),
        unit = escaped(&chart.unit),
        scale = if chart.logarithmic {
            " (logarithmic)"
        } else {
            ""
        }
    );
    let scale = Scale::of(chart);
    for (number, bar) in chart.bars.iter().enumerate() {
        let y = TOP + ROW * number as f64;
        let width = scale.width(bar.value);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"{label_x}\" y=\"{text_y:.0}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{bar_height}\" fill=\"{color}\"/>\
             <text x=\"{value_x:.1}\" y=\"{text_y:.0}\">{value}</text>",
            label_x = LEFT - 8.0,
            text_y = y + 13.0,
            label = escaped(&bar.label),
            bar_height = ROW - 6.0,
            color = if bar.is_ours { "#1f6feb" } else { "#9aa4af" },
            value_x = LEFT + width + 6.0,
            value = readable(bar.value),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// From values to pixels.
struct Scale {
    logarithmic: bool,
    least: f64,
    most: f64,
}

impl Scale {
    fn of(chart: &Chart) -> Self {
        let values = || {
            let values = chart.bars.iter().map(|bar| bar.value);
            values.filter(|value| *value > 0.0)
        };
        Self {
            logarithmic: chart.logarithmic,
            // The shortest bar of a logarithmic chart begins at the power of ten below it.
            least: 10_f64.powf(values().fold(f64::INFINITY, f64::min).log10().floor()),
            most: values().fold(0.0, f64::max),
        }
    }

    fn width(&self, value: f64) -> f64 {
        let room = WIDTH - LEFT - RIGHT;
        let share = if value <= 0.0 || self.most <= 0.0 {
            0.0
        } else if self.logarithmic {
            let decades = (self.most / self.least).log10();
            (value / self.least).log10() / decades.max(f64::MIN_POSITIVE)
        } else {
            value / self.most
        };
        room * share.clamp(0.0, 1.0)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Bar;

    fn chart(logarithmic: bool, values: &[f64]) -> Chart {
        let bar = |value: &f64| Bar {
            label: "a < b".to_owned(),
            value: *value,
            is_ours: false,
        };
        Chart {
            title: "hits".to_owned(),
            unit: "ns".to_owned(),
            logarithmic,
            bars: values.iter().map(bar).collect(),
        }
    }

    #[test]
    fn bars_are_as_long_as_their_values_say() {
        let room = WIDTH - LEFT - RIGHT;
        let linear = chart(false, &[50.0, 100.0, 0.0]);
        let scale = Scale::of(&linear);
        assert_eq!(scale.width(100.0), room);
        assert_eq!(scale.width(50.0), room / 2.0);
        assert_eq!(scale.width(0.0), 0.0);
        let logarithmic = chart(true, &[10.0, 100.0, 1000.0]);
        let scale = Scale::of(&logarithmic);
        assert_eq!(scale.width(1000.0), room);
        assert_eq!(scale.width(100.0), room / 2.0);
    }

    #[test]
    fn labels_are_escaped_and_an_empty_chart_can_be_drawn() {
        assert!(draw(&chart(true, &[1.0])).contains("a &lt; b"));
        assert!(draw(&chart(true, &[])).ends_with("</svg>\n"));
    }
}
