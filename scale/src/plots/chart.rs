//! Lines over two axes, as SVG.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

const SIZE: (u32, u32) = (960, 540);
const FONT: &str = "sans-serif";
/// Told apart by those who see no red or green, too (Okabe and Ito 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// One axis.
#[derive(Clone, Debug, Default)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    is_logarithmic: bool,
}

impl Axis {
    pub(super) fn logarithmic(name: &'static str) -> Self {
        Self { name, is_logarithmic: true }
    }

    pub(super) fn linear(name: &'static str) -> Self {
        Self { name, is_logarithmic: false }
    }
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    /// Whether the names of the lines stand below them rather than above.
    pub(super) names_below: bool,
}

impl Chart {
    /// Writes it to the file. `false`, and nothing is written, when there is nothing to draw.
    pub(super) fn draw(&self, path: &Path) -> anyhow::Result<bool> {
        let points = || self.series.iter().flat_map(|series| &series.points).copied();
        // What a logarithm cannot show lies on the floor.
        let (Some(x), Some(y)) = (range(points().map(|it| it.0)), range(points().map(|it| it.1)))
        else {
            return Ok(false);
        };
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        let drawn = if self.y.is_logarithmic {
            let floor = 10_f64.powf(y.0.max(1e-6).log10().floor());
            // A decade more, where the names of the lines stand.
            let room = if self.names_below { 1.0 } else { 10.0 };
            let top = 10_f64.powf(y.1.log10().ceil()).max(floor * 10.0) * room;
            self.draw_on(&root, (x.0..x.1).log_scale(), (floor..top).log_scale(), floor)
        } else {
            self.draw_on(&root, (x.0..x.1).log_scale(), 1.0..y.1 * 1.05, 0.0)
        };
        drawn.map_err(|error| anyhow!("could not draw {}: {error}", path.display()))?;
        Ok(true)
    }

    fn draw_on<X, Y>(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        x: X,
        y: Y,
        floor: f64,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(root)
            .caption(self.title, (FONT, 20))
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(84)
            .build_cartesian_2d(x, y)
            .map_err(|error| error.to_string())?;
        chart
            .configure_mesh()
            .x_desc(self.x.name)
            .y_desc(self.y.name)
            .label_style((FONT, 14))
            .x_label_formatter(&|figure| short(*figure))
            .y_label_formatter(&|figure| short(*figure))
            .light_line_style(RGBColor(240, 240, 240))
            .draw()
            .map_err(|error| error.to_string())?;
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let points: Vec<(f64, f64)> =
                series.points.iter().map(|(x, y)| (*x, y.max(floor))).collect();
            if points.is_empty() {
                continue;
            }
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.clone(), style))
                .map_err(|error| error.to_string())?
                .label(series.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
            let dots = points.into_iter().map(|point| Circle::new(point, 3, colour.filled()));
            chart.draw_series(dots).map_err(|error| error.to_string())?;
        }
        let names = match self.names_below {
            true => SeriesLabelPosition::LowerLeft,
            false => SeriesLabelPosition::UpperLeft,
        };
        chart
            .configure_series_labels()
            .position(names)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .label_font((FONT, 14))
            .draw()
            .map_err(|error| error.to_string())?;
        root.present().map_err(|error| error.to_string().into())
    }
}

fn range(figures: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    figures.filter(|it| it.is_finite()).fold(None, |range, it| {
        let (least, most) = range.unwrap_or((it, it));
        Some((it.min(least), it.max(most)))
    })
}

/// A figure as people write it: 1,500 as 1.5 k.
fn short(figure: f64) -> String {
    let (scaled, unit) = match figure.abs() {
        it if it >= 1e9 => (figure / 1e9, " G"),
        it if it >= 1e6 => (figure / 1e6, " M"),
        it if it >= 1e4 => (figure / 1e3, " k"),
        _ => (figure, ""),
    };
    let text = format!("{scaled:.3}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}
