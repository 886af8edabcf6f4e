// Type-checks dashboards. Each is compiled as a constant of the type Dashboard, since an excess key is an error only
// in a literal.

import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = fileURLToPath(new URL(".", import.meta.url));
const prefix = 'import type { Dashboard } from "./dashboard";\nexport const dashboard: Dashboard = ';

/** The complaints about these texts, a map of file names to JSON. */
export function complaints(dashboards) {
  const { config } = ts.readConfigFile(join(here, "tsconfig.json"), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, here);
  const sources = new Map(
    Object.entries(dashboards).map(([name, json]) => [join(here, `${name}.ts`), prefix + json]),
  );

  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) =>
    sources.has(path)
      ? ts.createSourceFile(path, sources.get(path), version)
      : getSourceFile(path, version, ...rest);

  const program = ts.createProgram([...fileNames, ...sources.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, "\n");
    if (file === undefined) return message;
    // The first line of the JSON is the second of what is compiled.
    const { line } = file.getLineAndCharacterOfPosition(start);
    return `${basename(file.fileName, ".ts")}:${line}: ${message}`;
  });
}
