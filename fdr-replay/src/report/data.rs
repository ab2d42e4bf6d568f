//! What map, timeline and charts draw, as one JSON document in the page.

use serde_json::{Value, json};

use super::Material;
use crate::figures::{Distribution, Envelope, Figures, LABEL_NAMES, Place};

/// Log scales have no place for 0.
const LOG_LEAST: f64 = 0.01;

/// The document, safe inside a script element.
pub fn document(material: &Material) -> String {
    let figures = &material.figures;
    let home = figures.home.map(|(home, name)| {
        json!({ "lat": degrees(home.lat_rad), "lon": degrees(home.lon_rad), "name": name })
    });
    let smoothed = material.smoothed.as_ref().ok();
    let document = json!({
        "duration_s": round(figures.duration_s(), 3),
        "labels": LABEL_NAMES,
        "track": track(&figures.track),
        "gps": track(&figures.gps_track),
        "smoothed": smoothed.map_or_else(no_track, |smoothed| track(&smoothed.track)),
        "home": home,
        "geofence": material.geofence,
        "footprints": material.map.footprints,
        "tiles": material.map.tiles,
        "midflight": midflight(figures),
        "lanes": lanes(figures),
        "events": events(figures),
        "charts": charts(figures).into_iter().map(|(_, chart)| chart).collect::<Vec<_>>(),
        "curves": curves(material),
    });
    // A text in it cannot end the element, and no comment begins in it.
    document.to_string().replace('<', "\\u003c")
}

fn degrees(rad: f64) -> f64 {
    round(rad.to_degrees(), 7)
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

/// Five significant digits.
fn brief(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    round(value, 4 - value.abs().log10().floor() as i32)
}

fn time(ns: u64) -> f64 {
    round(ns as f64 * 1e-9, 3)
}

fn no_track() -> Value {
    json!({ "t": [], "lat": [], "lon": [], "r": [], "label": [] })
}

fn track(envelope: &Envelope<Place>) -> Value {
    let points = envelope.points();
    let of = |value: fn(&Place) -> f64| -> Vec<Option<f64>> {
        let places = points.iter().map(|(_, place)| place.as_ref());
        places.map(|place| place.map(value)).collect()
    };
    json!({
        "t": points.iter().map(|(at, _)| time(*at)).collect::<Vec<_>>(),
        "lat": of(|place| round(place.lat_deg, 7)),
        "lon": of(|place| round(place.lon_deg, 7)),
        "r": of(|place| brief(f64::from(place.radius_m))),
        "label": points.iter().map(|(_, place)| place.map(|place| place.label)).collect::<Vec<_>>(),
    })
}

fn midflight(figures: &Figures) -> Vec<Value> {
    let tiles = figures.tiles.iter();
    tiles
        .map(|tile| {
            let (zoom, x, y) = tile.place;
            json!([zoom, x, y, u8::from(tile.failure.is_some())])
        })
        .collect()
}

fn lanes(figures: &Figures) -> Vec<Value> {
    let short = [
        "Label", "Fix", "FC GPS", "Gate", "Blackout", "Thermal", "Recorder",
    ];
    let lanes = figures.lanes.all().into_iter().zip(short);
    lanes
        .map(|((title, lane), short)| {
            let spans: Vec<Value> = lane
                .spans()
                .iter()
                .map(|span| json!([time(span.from_ns), time(span.to_ns), span.state]))
                .collect();
            json!({ "title": title, "short": short, "spans": spans })
        })
        .collect()
}

fn events(figures: &Figures) -> Vec<Value> {
    let events = figures.events.iter();
    events
        .map(|event| {
            // Key rotations and thermal switches are markers of their own.
            let mark = match event.about.as_str() {
                "signing" => Some("accent"),
                "thermal" => Some("warn"),
                _ => None,
            };
            json!({
                "t": time(event.from_ns),
                "severity": event.severity.code(),
                "about": event.about,
                "text": event.text,
                "times": event.times,
                "mark": mark,
            })
        })
        .collect()
}

struct Chart {
    id: &'static str,
    unit: &'static str,
    options: Value,
    series: Vec<Value>,
}

impl Chart {
    fn new(id: &'static str, unit: &'static str, options: Value) -> Self {
        Self {
            id,
            unit,
            options,
            series: Vec::new(),
        }
    }

    fn line(self, name: &str, color: &str, envelope: &Envelope<f64>) -> Self {
        self.add(name, color, envelope, json!({}))
    }

    fn dots(self, name: &str, color: &str, envelope: &Envelope<f64>) -> Self {
        self.add(name, color, envelope, json!({ "dots": true }))
    }

    fn add(mut self, name: &str, color: &str, envelope: &Envelope<f64>, how: Value) -> Self {
        if envelope.samples() == 0 {
            return self;
        }
        let log = self.options["log"] == true;
        let points = envelope.points();
        let value = |value: f64| brief(if log { value.max(LOG_LEAST) } else { value });
        let mut series = json!({
            "name": name,
            "color": color,
            "t": points.iter().map(|(at, _)| time(*at)).collect::<Vec<_>>(),
            "v": points.iter().map(|(_, v)| v.map(value)).collect::<Vec<_>>(),
        });
        merge(&mut series, how);
        self.series.push(series);
        self
    }

    fn done(self) -> Value {
        let mut chart = json!({ "id": self.id, "unit": self.unit, "series": self.series });
        merge(&mut chart, self.options);
        chart
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn charts(figures: &Figures) -> Vec<(&'static str, Value)> {
    let series = &figures.series;
    let zero = || json!({ "zero": true });
    let names = ["dead", "visual", "anchored"];
    [
        Chart::new("radius", "m", json!({ "log": true, "height": 210 }))
            .dots("error against GPS", "error", &series.error_m)
            .line("95 % radius", "series1", &series.radius_95_m)
            .line("1 sigma", "series3", &series.sigma_m),
        Chart::new("anchor", "s", zero()).line("anchor age", "series4", &series.anchor_age_s),
        Chart::new(
            "label",
            "",
            json!({ "names": names, "range": [-0.4, 2.4], "height": 110 }),
        )
        .add("label", "series3", &series.label, json!({ "step": true })),
        Chart::new("latency", "ms", zero())
            .line("deadline to bytes", "series1", &series.send_latency_ms)
            .dots(
                "exposure to odometry",
                "series3",
                &series.odometry_latency_ms,
            )
            .dots("exposure to anchor", "series4", &series.anchor_latency_ms)
            .line("record to durable", "series2", &series.durable_lag_ms)
            .line("longest sync", "series5", &series.sync_worst_ms),
        Chart::new("load", "%", json!({ "range": [0, 100] }))
            .line("CPU", "series1", &series.cpu_percent)
            .line("GPU", "series3", &series.gpu_percent)
            .line("memory", "series4", &series.ram_percent),
        Chart::new("temperature", "\u{b0}C", json!({})).line(
            "hottest sensor",
            "series5",
            &series.temperature_c,
        ),
        Chart::new("innovation", "m", zero())
            .dots("anchor accepted", "series3", &series.anchor_innovation_m)
            .dots("anchor refused", "series5", &series.refused_innovation_m),
        Chart::new("nis", "", json!({ "log": true }))
            .dots("anchor NIS", "series3", &series.anchor_nis)
            .dots("NIS of rejected GPS", "series5", &series.gps_nis),
        Chart::new("height", "m", json!({}))
            .line("emitted", "series1", &series.altitude_m)
            .line("FC GPS", "gps", &series.gps_altitude_m),
        Chart::new("speed", "m/s", zero())
            .line("ground speed", "series1", &series.ground_speed_mps)
            .line("indicated airspeed", "series2", &series.airspeed_mps),
    ]
    .into_iter()
    .map(|chart| (chart.id, chart.done()))
    .collect()
}

/// Charts that have something to draw.
pub fn charts_with_data(figures: &Figures) -> Vec<&'static str> {
    let all = charts(figures);
    let drawn = all.iter().filter(|chart| chart.1["series"] != json!([]));
    drawn.map(|chart| chart.0).collect()
}

/// A cumulative distribution to draw.
fn curve(name: &str, color: &str, found: &Distribution, log: bool) -> Option<Value> {
    let points = found.curve();
    let least = if log { LOG_LEAST } else { 0.0 };
    let x: Vec<f64> = points.iter().map(|(x, _)| brief(x.max(least))).collect();
    let y: Vec<f64> = points.iter().map(|(_, y)| round(*y, 4)).collect();
    (!points.is_empty()).then(|| json!({ "name": name, "color": color, "x": x, "y": y }))
}

fn curves(material: &Material) -> Value {
    let figures = &material.figures;
    let mut errors: Vec<Value> = curve("all", "series1", &figures.accuracy.all.errors_m, true)
        .into_iter()
        .collect();
    for (group, name) in figures.accuracy.labels.iter().zip(LABEL_NAMES) {
        errors.extend(curve(&name.replace('_', " "), name, &group.errors_m, true));
    }
    if let Ok(smoothed) = &material.smoothed {
        errors.extend(curve("smoothed", "smoothed", &smoothed.errors_m, true));
    }
    let latencies = [
        ("deadline to bytes", "series1", &figures.send_latency_ms),
        (
            "exposure to odometry",
            "series3",
            &figures.odometry_latency_ms,
        ),
        ("exposure to anchor", "series4", &figures.anchor_latency_ms),
        ("record to durable", "series2", &figures.durable_lag_ms),
    ];
    let latencies: Vec<Value> = latencies
        .into_iter()
        .filter_map(|(name, color, found)| curve(name, color, found, true))
        .collect();
    json!([
        { "id": "error", "unit": "horizontal error, m", "log": true, "series": errors },
        { "id": "latency", "unit": "latency, ms", "log": true, "series": latencies },
    ])
}
