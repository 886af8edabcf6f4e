// What a dashboard of this repository may hold: Grafana's own types, closed where they are open. Grafana types a
// panel's options and queries as records of anything, since any plugin may add its own; ours are core panels only,
// so that an unknown key or a wrong type anywhere is an error.

import type * as grafana from "@grafana/schema";
import type * as gauge from "@grafana/schema/dist/esm/raw/composable/gauge/panelcfg/x/GaugePanelCfg_types.gen";
import type * as logs from "@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen";
import type * as loki from "@grafana/schema/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen";
import type * as nodegraph from "@grafana/schema/dist/esm/raw/composable/nodegraph/panelcfg/x/NodeGraphPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as text from "@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** `T` as JSON has it: an enum's members are their values. */
type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

interface Source<Type extends string> {
  type: Type;
  uid: string;
}

interface Query {
  refId: string;
  hide?: boolean;
}

/** The package has no type of this one. */
interface PrometheusQuery extends Query {
  datasource: Source<"prometheus">;
  expr: string;
  legendFormat?: string;
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  interval?: string;
}

interface LokiQuery
  extends Query,
    Pick<loki.LokiDataQuery, "expr" | "legendFormat" | "maxLines" | "step"> {
  datasource: Source<"loki">;
  queryType: loki.LokiQueryType;
}

/** The package has no type of this one either. */
interface JaegerQuery extends Query {
  datasource: Source<"jaeger">;
  queryType: "search" | "dependencyGraph";
  service?: string;
  operation?: string;
  tags?: string;
  minDuration?: string;
  maxDuration?: string;
  limit?: number;
}

/** A link of a value: to a page of Grafana, or (then its `url` is empty) to a query in Explore. */
type Link =
  | { title: string; url: string; targetBlank?: boolean }
  | {
      title: string;
      url: "";
      internal: {
        datasourceUid: string;
        datasourceName: string;
        query:
          | Omit<PrometheusQuery, "datasource">
          | Omit<LokiQuery, "datasource">
          | Omit<JaegerQuery, "datasource">;
      };
    };

interface FieldConfig<Custom> extends Omit<grafana.FieldConfig, "custom" | "links"> {
  custom?: Partial<Custom>;
  links?: Link[];
}

type Property<Custom> =
  | { [Key in keyof FieldConfig<Custom>]-?: { id: Key; value: FieldConfig<Custom>[Key] } }[keyof FieldConfig<Custom>]
  | { [Key in keyof Custom & string]-?: { id: `custom.${Key}`; value: Custom[Key] } }[keyof Custom & string];

interface Override<Custom> {
  matcher: { id: "byName" | "byRegexp" | "byFrameRefID" | "byType"; options: string };
  properties: Property<Custom>[];
}

interface Panel<Type extends string, Options, Custom = Record<never, never>>
  extends Omit<grafana.Panel, "type" | "options" | "fieldConfig" | "targets" | "datasource" | "pluginVersion"> {
  id: number;
  type: Type;
  title: string;
  gridPos: grafana.GridPos;
  datasource?: Source<"prometheus" | "loki" | "jaeger">;
  targets?: (PrometheusQuery | LokiQuery | JaegerQuery)[];
  options: Partial<Options>;
  fieldConfig: { defaults: FieldConfig<Custom>; overrides: Override<Custom>[] };
}

type AnyPanel =
  | Panel<"gauge", gauge.Options>
  | Panel<"logs", logs.Options>
  | Panel<"nodeGraph", nodegraph.Options>
  | Panel<"stat", stat.Options>
  | Panel<"table", table.Options, table.FieldConfig>
  | Panel<"text", text.Options>
  | Panel<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | grafana.RowPanel;

/** A dashboard file. */
export type Dashboard = Json<
  Omit<grafana.Dashboard, "panels" | "id" | "version" | "iteration"> & {
    uid: string;
    title: string;
    description: string;
    tags: string[];
    panels: AnyPanel[];
  }
>;
