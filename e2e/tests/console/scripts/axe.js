// Behind axe-core. What it finds that hinders somebody, each with its first element.
const done = arguments[0];
axe.run({ resultTypes: ["violations"] }).then(
  ({ violations }) => done(
    violations
      .filter((it) => it.impact !== "minor")
      .map((it) => `${it.impact}: ${it.id}: ${it.nodes.length} of ${it.nodes[0].html.slice(0, 300)}: ${it.nodes[0].failureSummary}`),
  ),
  (error) => done([`axe: ${error}`]),
);
