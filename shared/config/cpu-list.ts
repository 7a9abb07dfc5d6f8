// Lists of CPUs as Linux writes them (cpuset(7), "List format"): `0-3,8`.

/** Beyond any machine; Linux itself is built for 8192. */
const CPU_MAX = 8191;

/** The CPUs in the order of the list; what was expected if it is none. Empty for an empty text. */
export function readCpuList(text: string): number[] | string {
  if (text === '') return [];
  const expected = 'CPU numbers and ranges, such as 1-3 or 0,2';
  const cpus: number[] = [];
  for (const range of text.split(',')) {
    const parts = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range);
    const first = Number(parts?.[1]);
    const last = Number(parts?.[2] ?? parts?.[1]);
    if (!(first <= last) || last > CPU_MAX) return expected;
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** @throws when the text did not come through the configuration's check. */
export function parseCpuList(text: string): number[] {
  const cpus = readCpuList(text);
  if (typeof cpus === 'string') throw new TypeError(`expected ${cpus}`);
  return cpus;
}
