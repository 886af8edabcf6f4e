// The dashboards pass the check, and a copy with one mistake does not.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { complaints } from "./check.mjs";

const folder = new URL("../../grafana/dashboards/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const dashboards = Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));

const lab = JSON.parse(dashboards["lab.json"]);
const panel = (dashboard, type) => dashboard.panels.find((panel) => panel.type === type);

const mistakes = {
  "an unknown key of a dashboard": [(d) => { d.refreshInterval = "5s"; }, /refreshInterval/],
  "an unknown key of a panel": [(d) => { panel(d, "stat").colour = "red"; }, /colour/],
  "an unknown key of a panel's options": [(d) => { panel(d, "stat").options.graphmode = "none"; }, /graphmode/],
  "an option of another type": [(d) => { panel(d, "timeseries").options.legend.showLegend = "yes"; }, /string.*boolean/],
  "a word that no enum has": [(d) => { panel(d, "stat").options.graphMode = "bars"; }, /"bars"/],
  "an unknown key of a field": [(d) => { panel(d, "stat").fieldConfig.defaults.units = "ms"; }, /units/],
  "an unknown key of a field's drawing": [(d) => { panel(d, "timeseries").fieldConfig.defaults.custom.fill = 1; }, /fill/],
  "a threshold that is no number": [
    (d) => {
      panel(d, "stat").fieldConfig.defaults.thresholds = { mode: "absolute", steps: [{ color: "red", value: "1" }] };
    },
    /string.*number/,
  ],
  "a text as a position": [(d) => { panel(d, "stat").gridPos.x = "0"; }, /string.*number/],
  "an unknown key of a query": [(d) => { panel(d, "stat").targets[0].query = "up"; }, /query/],
  "a query without its expression": [(d) => { delete panel(d, "stat").targets[0].expr; }, /expr/],
  "a panel that is no core panel": [(d) => { panel(d, "stat").type = "traffic-light"; }, /traffic-light/],
  "an override of an unknown property": [(d) => { panel(d, "table").fieldConfig.overrides[0].properties[0].id = "unity"; }, /unity/],
  "a link to a query that has no such key": [
    (d) => { panel(d, "timeseries").fieldConfig.defaults.links.push({ title: "", url: "", internal: { uid: "x" } }); },
    /uid/,
  ],
  "a schema version that is no number": [(d) => { d.schemaVersion = "42"; }, /string.*number/],
};

test("the dashboards have the types of Grafana's schema", () => {
  assert.deepEqual(complaints(dashboards), []);
});

test("each mistake is found and named", () => {
  const copies = Object.entries(mistakes).map(([name, [mistake]]) => {
    const copy = structuredClone(lab);
    mistake(copy);
    return [name, JSON.stringify(copy)];
  });
  const found = complaints(Object.fromEntries(copies));
  for (const [name, [, expected]] of Object.entries(mistakes)) {
    const own = found.filter((complaint) => complaint.startsWith(`${name}:`)).join("\n");
    assert.match(own, expected, name);
  }
});
