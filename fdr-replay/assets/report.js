// What a reader of the report does with map, timeline and charts: one cursor, one range of time.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim() || "#888";
  const at = (id) => document.getElementById(id);
  const full = [0, Math.max(data.duration_s, 1e-3)];
  const state = { time: null, range: full.slice() };
  const GUTTER = 78, RIGHT = 14;

  const clock = (t, digits = 0) => {
    const sign = t < 0 ? "-" : "", abs = Math.abs(t), h = Math.floor(abs / 3600), m = Math.floor(abs / 60) % 60;
    const s = (abs % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
    return sign + (h ? h + ":" + String(m).padStart(2, "0") : m) + ":" + s;
  };
  const number = (v) => v == null ? "–" : Math.abs(v) >= 1000 ? Math.round(v).toLocaleString("en").replaceAll(",", "\u202f")
    : Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : v.toFixed(2);
  // Index of the last element <= t.
  const before = (times, t) => {
    let low = 0, high = times.length;
    while (low < high) { const mid = (low + high) >> 1; if (times[mid] <= t) low = mid + 1; else high = mid; }
    return low - 1;
  };

  // ---- One cursor, one range -------------------------------------------------------------------------
  const listeners = [];
  let drawing = 0;
  const redraw = () => { if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; listeners.forEach((draw) => draw()); }); };
  const setTime = (t, source) => {
    state.time = t == null ? null : Math.min(full[1], Math.max(full[0], t));
    charts.forEach((u) => {
      if (u === source) return;
      const left = state.time == null ? -10 : u.valToPos(state.time, "x");
      u.setCursor({ left, top: u.bbox.height / devicePixelRatio / 2 }, false);
    });
    redraw();
  };
  let ranging = false;
  const setRange = (from, to, source) => {
    const least = Math.min(1, full[1]);
    if (to - from < least) { const middle = (from + to) / 2; from = middle - least / 2; to = middle + least / 2; }
    state.range = [Math.max(full[0], from), Math.min(full[1], to)];
    if (state.range[0] >= state.range[1]) state.range = full.slice();
    ranging = true;
    charts.forEach((u) => { if (u !== source) u.setScale("x", { min: state.range[0], max: state.range[1] }); });
    ranging = false;
    if (state.time != null) setTime(state.time);
    redraw();
  };
  const zoom = (factor) => {
    const [from, to] = state.range, centre = state.time ?? (from + to) / 2;
    setRange(centre - (centre - from) * factor, centre + (to - centre) * factor);
  };
  const keys = (event) => {
    const step = (state.range[1] - state.range[0]) * (event.shiftKey ? 0.1 : 0.01), now = state.time ?? state.range[0];
    const acts = { ArrowLeft: () => setTime(now - step), ArrowRight: () => setTime(now + step), Home: () => setTime(state.range[0]),
      End: () => setTime(state.range[1]), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
      "0": () => setRange(...full), Escape: () => setRange(...full) };
    if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
  };
  const goTo = () => {
    const found = /^#t=([\d.]+)/.exec(location.hash);
    if (!found) return;
    const t = Number(found[1]), half = Math.min(60, full[1] / 2);
    setRange(t - half, t + half);
    setTime(t);
    at("timeline").scrollIntoView();
  };
  addEventListener("hashchange", goTo);
  // The same link again is no change of the address.
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a.t");
    if (link && link.getAttribute("href") === location.hash) { event.preventDefault(); goTo(); }
  });

  const canvas = (element, height) => {
    const ratio = devicePixelRatio || 1, width = element.clientWidth;
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
      element.width = Math.round(width * ratio); element.height = Math.round(height * ratio);
    }
    const pen = element.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return [pen, width, height];
  };
  const tip = at("tip");
  const showTip = (event, text) => {
    tip.style.display = text ? "block" : "none";
    if (!text) return;
    tip.textContent = text;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 12) + "px";
  };

  // ---- Charts ------------------------------------------------------------------------------------------
  const charts = [];
  const axis = (extra) => ({ stroke: () => css("muted"), grid: { stroke: () => css("line"), width: 1 }, ticks: { stroke: () => css("line"), width: 1 },
    font: "12px system-ui, sans-serif", ...extra });
  const nearest = (u, index, series) => {
    const values = u.data[series];
    if (index == null) return null;
    for (let back = index; back >= 0 && index - back < 400; back--) if (values[back] !== undefined) return values[back];
    return null;
  };
  // A logarithmic axis has a line at each power of ten.
  const decades = (u, index) => {
    const { min, max } = u.scales[u.axes[index].scale], splits = [];
    for (let power = Math.ceil(Math.log10(min) - 1e-9); 10 ** power <= max * (1 + 1e-9); power++) splits.push(10 ** power);
    return splits;
  };
  const makeChart = (chart) => {
    const box = at("chart-" + chart.id);
    if (!box || !chart.series.length) return;
    const joined = chart.series.length > 1 ? uPlot.join(chart.series.map((one) => [one.t, one.v])) : [chart.series[0].t, chart.series[0].v];
    const u = new uPlot({
      width: box.clientWidth, height: chart.height || 170, padding: [8, RIGHT, 0, 0],
      scales: { x: { time: false, range: (_u, min, max) => [min ?? full[0], max ?? full[1]] },
        y: chart.log ? { distr: 3 } : { range: chart.range ? () => chart.range : (_u, min, max) => {
          const low = Math.min(min, chart.zero ? 0 : min), room = (max - low || 1) * 0.08;
          return [low < 0 || !chart.zero ? low - room : 0, max + room]; } } },
      axes: [axis({ values: (_u, splits) => splits.map((t) => clock(t)), space: 70 }),
        axis({ size: GUTTER, values: chart.names ? (_u, splits) => splits.map((v) => chart.names[v] ?? "") : (_u, splits) => splits.map((v) => v == null ? "" : +v.toPrecision(4) + ""),
          splits: chart.names ? () => chart.names.map((_name, index) => index) : chart.log ? decades : undefined,
          filter: chart.log ? (_u, splits) => splits : undefined })],
      series: [{ label: "time", value: (_u, v) => v == null ? "–" : clock(v, 1) },
        ...chart.series.map((one, index) => ({ label: one.name, stroke: () => css(one.color), width: one.dots ? 0 : 1.5, spanGaps: false,
          paths: one.step ? uPlot.paths.stepped({ align: 1 }) : one.dots ? () => null : undefined,
          points: one.dots ? { show: true, size: 3.5, stroke: () => css(one.color), fill: () => css(one.color) } : { show: false },
          value: (plot, _v, _s, i) => { const v = nearest(plot, i, index + 1); return chart.names ? chart.names[v] ?? "–" : number(v) + (v == null ? "" : "\u202f" + chart.unit); } }))],
      cursor: { drag: { x: true, y: false }, points: { size: 6 }, sync: { key: "time", setSeries: false, scales: ["x", null] } },
      legend: { live: true },
      hooks: {
        setCursor: [(plot) => {
          if (plot.cursor.event == null || plot.cursor.left < 0 || !plot.root.matches(":hover")) return;
          state.time = plot.posToVal(plot.cursor.left, "x"); redraw();
        }],
        setScale: [(plot, key) => {
          if (key === "x" && !ranging && plot.ready) setRange(plot.scales.x.min, plot.scales.x.max, plot);
        }],
      },
    }, joined, box);
    u.over.addEventListener("dblclick", () => setRange(...full));
    u.ready = true;
    charts.push(u);
  };
  const makeCharts = () => {
    charts.splice(0).forEach((u) => u.destroy());
    data.charts.forEach(makeChart);
    ranging = true;
    charts.forEach((u) => u.setScale("x", { min: state.range[0], max: state.range[1] }));
    ranging = false;
  };

  // Cumulative distributions: value against share.
  const curves = [];
  const makeCurves = () => {
    curves.splice(0).forEach((u) => u.destroy());
    data.curves.forEach((curve) => {
      const box = at("curve-" + curve.id);
      if (!box || !curve.series.length) return;
      const joined = uPlot.join(curve.series.map((one) => [one.x, one.y]));
      curves.push(new uPlot({
        width: box.clientWidth, height: 210, padding: [12, RIGHT, 0, 0],
        scales: { x: { time: false, distr: curve.log ? 3 : 1 }, y: { range: () => [0, 1] } },
        axes: [axis({ values: (_u, splits) => splits.map((v) => v == null ? "" : +v.toPrecision(3) + ""), label: curve.unit, labelSize: 18, labelFont: "12px system-ui, sans-serif",
          splits: curve.log ? decades : undefined, filter: curve.log ? (_u, splits) => splits : undefined }),
          axis({ size: 62, values: (_u, splits) => splits.map((v) => Math.round(v * 100) + " %") })],
        series: [{ label: curve.unit, value: (_u, v) => number(v) }, ...curve.series.map((one, index) => ({ label: one.name, stroke: () => css(one.color), width: 2,
          paths: uPlot.paths.stepped({ align: 1 }), points: { show: false },
          value: (plot, _v, _s, i) => { const v = nearest(plot, i, index + 1); return v == null ? "–" : (v * 100).toFixed(1) + " %"; } }))],
        cursor: { points: { size: 6 } },
      }, joined, box));
    });
  };

  // ---- Timeline ----------------------------------------------------------------------------------------
  const COLOURS = { dead_reckoned: "dead_reckoned", visual_propagated: "visual_propagated", satellite_anchored: "satellite_anchored",
    fix_3d: "good", fix_2d: "warn", withdrawn: "bad", believed: "gps", not_believed: "bad", no_fix: "muted", closed: "bad", blackout: "warn",
    failsafe: "bad", hybrid: "warn", degraded: "bad", frozen: "accent" };
  const lanes = at("lanes"), ROW = 24;
  const span = () => state.range[1] - state.range[0];
  const x = (t, width) => GUTTER + (t - state.range[0]) / span() * (width - GUTTER - RIGHT);
  const timeAt = (left, width) => state.range[0] + (left - GUTTER) / (width - GUTTER - RIGHT) * span();
  const severity = (s) => s <= 3 ? "bad" : s === 4 ? "warn" : "muted";
  const drawLanes = () => {
    const [pen, width] = canvas(lanes, ROW * (data.lanes.length + 1) + 26);
    const rows = data.lanes.length, bottom = ROW * (rows + 1) + 6;
    pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "middle";
    const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200].find((s) => span() / s <= (width - GUTTER) / 80) || 14400;
    pen.textAlign = "center";
    for (let t = Math.ceil(state.range[0] / step) * step; t <= state.range[1]; t += step) {
      const left = Math.round(x(t, width)) + 0.5;
      pen.strokeStyle = css("line"); pen.beginPath(); pen.moveTo(left, 0); pen.lineTo(left, bottom); pen.stroke();
      pen.fillStyle = css("muted"); pen.fillText(clock(t), left, bottom + 11);
    }
    data.lanes.forEach((lane, row) => {
      const top = row * ROW + 5;
      pen.textAlign = "right"; pen.fillStyle = css("muted"); pen.fillText(lane.short, GUTTER - 9, top + 8);
      pen.fillStyle = css("sunken"); pen.fillRect(GUTTER, top, width - GUTTER - RIGHT, ROW - 9);
      pen.save(); pen.beginPath(); pen.rect(GUTTER, 0, width - GUTTER - RIGHT, bottom); pen.clip();
      lane.spans.forEach(([from, to, name]) => {
        if (to < state.range[0] || from > state.range[1]) return;
        const left = x(from, width);
        pen.fillStyle = css(COLOURS[name] || "accent"); pen.fillRect(left, top, Math.max(1.5, x(to, width) - left), ROW - 9);
      });
      pen.restore();
    });
    const top = rows * ROW + 13;
    pen.textAlign = "right"; pen.fillStyle = css("muted"); pen.fillText("Events", GUTTER - 9, top);
    [...data.events].sort((a, b) => b.severity - a.severity).forEach((event) => {
      if (event.t < state.range[0] || event.t > state.range[1]) return;
      const left = x(event.t, width), size = event.mark ? 6 : 4.5;
      pen.fillStyle = css(event.mark || severity(event.severity));
      pen.beginPath();
      if (event.mark) { pen.moveTo(left, top - size); pen.lineTo(left + size, top); pen.lineTo(left, top + size); pen.lineTo(left - size, top); }
      else pen.arc(left, top, size, 0, 7);
      pen.fill();
    });
    if (state.time != null && state.time >= state.range[0] && state.time <= state.range[1]) {
      const left = Math.round(x(state.time, width)) + 0.5;
      pen.strokeStyle = css("text"); pen.globalAlpha = 0.6; pen.beginPath(); pen.moveTo(left, 0); pen.lineTo(left, bottom); pen.stroke(); pen.globalAlpha = 1;
    }
  };
  const pointed = (event) => {
    const box = lanes.getBoundingClientRect(), left = event.clientX - box.left, row = Math.floor((event.clientY - box.top) / ROW);
    const t = timeAt(left, box.width);
    if (row < data.lanes.length) {
      const found = data.lanes[row].spans.find(([from, to]) => t >= from && t <= to);
      return [t, found && data.lanes[row].title + ": " + found[2].replaceAll("_", " ") + ", " + clock(found[0], 1) + " to " + clock(found[1], 1)];
    }
    const near = data.events.filter((one) => Math.abs(x(one.t, box.width) - left) < 6).sort((a, b) => a.severity - b.severity)[0];
    return [near ? near.t : t, near && clock(near.t, 1) + " " + near.about + ": " + near.text + (near.times > 1 ? " (" + near.times + " times)" : "")];
  };
  if (lanes) {
    let dragged = null;
    lanes.addEventListener("pointermove", (event) => { const [t, text] = pointed(event); if (t >= full[0]) setTime(t); showTip(event, text); });
    lanes.addEventListener("pointerleave", (event) => showTip(event, null));
    lanes.addEventListener("pointerdown", (event) => { dragged = pointed(event)[0]; });
    lanes.addEventListener("pointerup", (event) => {
      const [t] = pointed(event);
      if (dragged != null && Math.abs(t - dragged) > span() * 0.01) setRange(Math.min(t, dragged), Math.max(t, dragged));
      dragged = null;
    });
    lanes.addEventListener("dblclick", () => setRange(...full));
    lanes.addEventListener("keydown", keys);
    listeners.push(drawLanes);
  }

  // ---- Map ---------------------------------------------------------------------------------------------
  const view = at("mapview"), track = data.track;
  const mercator = (lat, lon) => {
    const s = Math.sin(lat * Math.PI / 180);
    return [(lon + 180) / 360, 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)];
  };
  const project = (line) => ({ ...line, p: line.lat.map((lat, i) => lat == null ? null : mercator(lat, line.lon[i])) });
  const lines = { track: project(track), gps: project(data.gps), smoothed: project(data.smoothed) };
  const images = data.tiles.map((tile) => { const image = new Image(); image.onload = redraw; image.src = tile.url; return { ...tile, image }; });
  const eye = { x: 0.5, y: 0.5, scale: 1e6 };
  const shown = (name) => at("layer-" + name)?.checked ?? true;
  const fit = () => {
    const all = [...lines.track.p, ...lines.gps.p].filter(Boolean);
    if (data.home) all.push(mercator(data.home.lat, data.home.lon));
    if (!all.length) return;
    const xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
    const least = (list) => list.reduce((a, b) => Math.min(a, b)), most = (list) => list.reduce((a, b) => Math.max(a, b));
    const [x0, x1, y0, y1] = [least(xs), most(xs), least(ys), most(ys)];
    eye.x = (x0 + x1) / 2; eye.y = (y0 + y1) / 2;
    eye.scale = 0.88 * Math.min(view.clientWidth / Math.max(x1 - x0, 2e-7), view.clientHeight / Math.max(y1 - y0, 2e-7));
    redraw();
  };
  const screen = ([mx, my]) => [(mx - eye.x) * eye.scale + view.clientWidth / 2, (my - eye.y) * eye.scale + view.clientHeight / 2];
  const placeAt = (t) => {
    const index = before(track.t, t);
    if (index < 0 || track.lat[index] == null) return null;
    const next = index + 1 < track.t.length && track.lat[index + 1] != null ? index + 1 : index;
    const part = next === index ? 0 : (t - track.t[index]) / (track.t[next] - track.t[index] || 1);
    const mix = (list) => list[index] + (list[next] - list[index]) * part;
    return { lat: mix(track.lat), lon: mix(track.lon), r: track.r[index], label: track.label[index] };
  };
  const drawLine = (pen, line, colour, width, dash) => {
    pen.lineWidth = width; pen.setLineDash(dash || []); pen.lineJoin = "round";
    let last = null, drawn = null;
    const inRange = (t) => t >= state.range[0] && t <= state.range[1];
    for (let i = 0; i < line.p.length; i++) {
      const point = line.p[i] && screen(line.p[i]), own = colour(i), key = own + (inRange(line.t[i]) ? "" : "~");
      if (point && last) {
        if (key !== drawn) {
          if (drawn != null) pen.stroke();
          pen.beginPath(); pen.moveTo(...last); pen.strokeStyle = own; pen.globalAlpha = key.endsWith("~") ? 0.25 : 1; drawn = key;
        }
        pen.lineTo(...point);
      } else if (drawn != null) { pen.stroke(); drawn = null; }
      last = point;
    }
    if (drawn != null) pen.stroke();
    pen.setLineDash([]); pen.globalAlpha = 1;
  };
  const polygon = (pen, ring, colour, dash) => {
    pen.beginPath();
    ring.forEach(([lat, lon], i) => { const p = screen(mercator(lat, lon)); if (i) pen.lineTo(...p); else pen.moveTo(...p); });
    pen.closePath(); pen.strokeStyle = css(colour); pen.lineWidth = 2; pen.setLineDash(dash); pen.stroke(); pen.setLineDash([]);
  };
  const drawMap = () => {
    const [pen, width, height] = canvas(view, view.clientHeight);
    // Ground metres per pixel here.
    const lat = Math.atan(Math.sinh(Math.PI * (1 - 2 * eye.y))), metre = 40075016.686 * Math.cos(lat) / eye.scale;
    const nice = (room) => { const power = 10 ** Math.floor(Math.log10(room)); return [5, 2, 1].find((k) => k * power <= room) * power; };
    const bar = nice(metre * Math.min(150, width / 3)), cell = bar / metre;
    pen.strokeStyle = css("map-line"); pen.lineWidth = 1; pen.beginPath();
    const [ox, oy] = screen(data.home ? mercator(data.home.lat, data.home.lon) : lines.track.p.find(Boolean) || [eye.x, eye.y]);
    for (let left = ((ox % cell) + cell) % cell; left < width; left += cell) { pen.moveTo(left, 0); pen.lineTo(left, height); }
    for (let top = ((oy % cell) + cell) % cell; top < height; top += cell) { pen.moveTo(0, top); pen.lineTo(width, top); }
    pen.stroke();
    if (shown("tiles")) images.forEach(({ z, x: column, y: row, image }) => {
      const size = eye.scale / 2 ** z, [left, top] = screen([column / 2 ** z, row / 2 ** z]);
      if (image.complete && image.naturalWidth && left < width && top < height && left + size > 0 && top + size > 0) pen.drawImage(image, left, top, size + 0.5, size + 0.5);
    });
    if (shown("footprint")) data.footprints.forEach((ring) => polygon(pen, ring, "muted", [6, 5]));
    if (shown("geofence")) data.geofence.forEach((ring) => polygon(pen, ring, "bad", [10, 5]));
    if (shown("midflight")) data.midflight.forEach(([z, column, row, failed]) => {
      const size = eye.scale / 2 ** z, [left, top] = screen([column / 2 ** z, row / 2 ** z]);
      pen.fillStyle = css(failed ? "bad" : "satellite_anchored"); pen.globalAlpha = 0.22; pen.fillRect(left, top, size, size); pen.globalAlpha = 1;
    });
    if (shown("gps")) drawLine(pen, lines.gps, () => css("gps"), 2, [3, 4]);
    if (shown("smoothed")) drawLine(pen, lines.smoothed, () => css("smoothed"), 1.8);
    const colours = data.labels.map(css);
    if (shown("track")) drawLine(pen, lines.track, (i) => colours[track.label[i] ?? 0], 2.6);
    if (shown("events")) data.events.forEach((event) => {
      const place = (event.severity <= 4 || event.mark) && placeAt(event.t);
      if (!place) return;
      const [left, top] = screen(mercator(place.lat, place.lon));
      pen.beginPath(); pen.moveTo(left, top); pen.arc(left, top - 11, 5.5, Math.PI * 0.83, Math.PI * 0.17); pen.closePath();
      pen.fillStyle = css(event.mark || severity(event.severity)); pen.fill(); pen.strokeStyle = css("surface"); pen.lineWidth = 1.2; pen.stroke();
    });
    if (data.home) {
      const [left, top] = screen(mercator(data.home.lat, data.home.lon));
      pen.fillStyle = css("text"); pen.strokeStyle = css("surface"); pen.lineWidth = 2;
      pen.beginPath(); pen.moveTo(left - 8, top); pen.lineTo(left, top - 8); pen.lineTo(left + 8, top); pen.lineTo(left + 5, top); pen.lineTo(left + 5, top + 7);
      pen.lineTo(left - 5, top + 7); pen.lineTo(left - 5, top); pen.closePath(); pen.stroke(); pen.fill();
    }
    const now = state.time != null && placeAt(state.time);
    if (now) {
      const [left, top] = screen(mercator(now.lat, now.lon));
      pen.beginPath(); pen.arc(left, top, Math.max(2, now.r / metre), 0, 7); pen.fillStyle = colours[now.label]; pen.globalAlpha = 0.16; pen.fill(); pen.globalAlpha = 1;
      pen.strokeStyle = colours[now.label]; pen.lineWidth = 1; pen.stroke();
      pen.beginPath(); pen.arc(left, top, 5.5, 0, 7); pen.fillStyle = colours[now.label]; pen.fill(); pen.strokeStyle = css("surface"); pen.lineWidth = 2; pen.stroke();
    }
    pen.fillStyle = css("surface"); pen.globalAlpha = 0.85; pen.fillRect(10, height - 34, cell + 20, 26); pen.globalAlpha = 1;
    pen.fillStyle = css("text"); pen.fillRect(20, height - 15, cell, 2.5); pen.font = "12px system-ui, sans-serif"; pen.textAlign = "center"; pen.textBaseline = "alphabetic";
    pen.fillText(bar >= 1000 ? bar / 1000 + " km" : bar + " m", 20 + cell / 2, height - 19);
    pen.fillText("N", width - 27, height - 12); pen.beginPath(); pen.moveTo(width - 27, height - 40); pen.lineTo(width - 22, height - 25); pen.lineTo(width - 32, height - 25); pen.closePath(); pen.fill();
  };
  const scaleBy = (factor, left = view.clientWidth / 2, top = view.clientHeight / 2) => {
    const px = eye.x + (left - view.clientWidth / 2) / eye.scale, py = eye.y + (top - view.clientHeight / 2) / eye.scale;
    eye.scale = Math.min(4e9, Math.max(300, eye.scale * factor));
    eye.x = px - (left - view.clientWidth / 2) / eye.scale; eye.y = py - (top - view.clientHeight / 2) / eye.scale;
    redraw();
  };
  if (view) {
    const fingers = new Map();
    const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
    view.addEventListener("pointerdown", (event) => { view.setPointerCapture(event.pointerId); fingers.set(event.pointerId, [event.offsetX, event.offsetY]); });
    ["pointerup", "pointercancel"].forEach((name) => view.addEventListener(name, (event) => fingers.delete(event.pointerId)));
    view.addEventListener("pointermove", (event) => {
      const last = fingers.get(event.pointerId);
      if (!last) {
        // The nearest place of the track becomes the time.
        let best = null, far = 18 ** 2;
        lines.track.p.forEach((p, i) => {
          if (!p) return;
          const [left, top] = screen(p), away = (left - event.offsetX) ** 2 + (top - event.offsetY) ** 2;
          if (away < far) { far = away; best = i; }
        });
        if (best != null) setTime(track.t[best]);
        return;
      }
      const wide = fingers.size === 2 ? spread() : 0;
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      if (fingers.size === 2 && wide) { scaleBy(spread() / wide); return; }
      eye.x -= (event.offsetX - last[0]) / eye.scale; eye.y -= (event.offsetY - last[1]) / eye.scale; redraw();
    });
    // A page scrolls over a map that nobody has clicked.
    view.addEventListener("wheel", (event) => { if (document.activeElement === view || event.ctrlKey) { event.preventDefault(); scaleBy(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY); } }, { passive: false });
    view.addEventListener("keydown", (event) => {
      const pan = 60 / eye.scale;
      const acts = { ArrowLeft: () => { eye.x -= pan; }, ArrowRight: () => { eye.x += pan; }, ArrowUp: () => { eye.y -= pan; }, ArrowDown: () => { eye.y += pan; },
        "+": () => scaleBy(1.4), "=": () => scaleBy(1.4), "-": () => scaleBy(0.7), "0": fit };
      if (acts[event.key]) { event.preventDefault(); acts[event.key](); redraw(); }
    });
    at("map-in").onclick = () => scaleBy(1.5); at("map-out").onclick = () => scaleBy(1 / 1.5); at("map-fit").onclick = fit;
    document.querySelectorAll(".layers input").forEach((box) => box.addEventListener("change", redraw));
    listeners.push(drawMap);
  }

  // ---- What the cursor says --------------------------------------------------------------------------
  const readout = at("readout");
  if (readout) {
    listeners.push(() => {
      const place = state.time != null && placeAt(state.time);
      const parts = [["time", state.time == null ? "point at a chart, the timeline or the track" : clock(state.time, 1)]];
      if (place) parts.push(["label", data.labels[place.label].replaceAll("_", " ")], ["95 % radius", number(place.r) + " m"], ["position", place.lat.toFixed(6) + ", " + place.lon.toFixed(6)]);
      at("readout-text").replaceChildren(...parts.map(([name, text]) => {
        const item = document.createElement("span"), value = document.createElement("b");
        value.textContent = text; item.append(name + " ", value); item.style.marginRight = "16px";
        return item;
      }));
    });
    at("whole").onclick = () => setRange(...full);
    at("chartgrid")?.addEventListener("keydown", keys);
  }

  // ---- Light and dark, width, print --------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = (theme) => { root.dataset.theme = theme; at("theme").textContent = theme === "dark" ? "Light" : "Dark"; makeCharts(); makeCurves(); redraw(); };
  at("theme").onclick = () => paint(root.dataset.theme === "dark" ? "light" : "dark");
  dark.addEventListener("change", () => paint(dark.matches ? "dark" : "light"));
  let before_print = null;
  addEventListener("beforeprint", () => { before_print = root.dataset.theme; paint("light"); listeners.forEach((draw) => draw()); document.querySelectorAll("details").forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => { if (before_print) paint(before_print); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; makeCharts(); makeCurves(); if (view) fit(); redraw(); } });

  paint(dark.matches ? "dark" : "light");
  if (view) fit();
  goTo();
  // For tests: what is drawn, and where the cursor stands.
  window.report = { charts, curves, state, setTime, setRange };
})();
