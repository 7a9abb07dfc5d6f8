// A strict reader of Prometheus' text format 0.0.4: what that page does not allow is an error that names the line.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export interface Family {
  type: string;
  help: string;
  /** By the series as it is written: `name{label="value"}`. */
  samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`;
const HELP_LINE = new RegExp(String.raw`^# HELP (${NAME}) ((?:[^\\]|\\[\\n])+)$`);
const TYPE_LINE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE_LINE = new RegExp(String.raw`^((${NAME})(?:\{${LABEL}(?:,${LABEL})*\})?) (\S+)$`);
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** Families by name, in the order of the text. Summaries are not read: this server has none. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  let name = '';
  let help: string | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const helped = HELP_LINE.exec(line);
    const typed = TYPE_LINE.exec(line);
    const sampled = SAMPLE_LINE.exec(line);
    const family = families.get(name);
    if (helped !== null && help === undefined) {
      [, name = '', help] = helped;
      if (families.has(name)) throw new Error(`a second family: ${line}`);
    } else if (typed !== null && help !== undefined && typed[1] === name) {
      families.set(name, { type: typed[2] ?? '', help, samples: new Map() });
      help = undefined;
    } else if (sampled !== null && help === undefined && isOf(sampled[2], name, family)) {
      const [, series = '', , value = ''] = sampled;
      if (family.samples.has(series)) throw new Error(`a second sample: ${line}`);
      if (!NUMBER.test(value)) throw new Error(`no finite number: ${line}`);
      family.samples.set(series, Number(value));
    } else {
      throw new Error(`not allowed here: ${line}`);
    }
  }
  if (help !== undefined) throw new Error(`${name} has no TYPE`);
  return families;
}

/** A histogram's samples have names of their own. */
function isOf(sample: string | undefined, name: string, family?: Family): family is Family {
  if (family?.type !== 'histogram') return family !== undefined && sample === name;
  return ['_bucket', '_sum', '_count'].some((suffix) => sample === name + suffix);
}

/** All samples by series. */
export function samplesOf(families: ReadonlyMap<string, Family>): Map<string, number> {
  const all = new Map<string, number>();
  for (const { samples } of families.values()) {
    for (const [series, value] of samples) all.set(series, value);
  }
  return all;
}
