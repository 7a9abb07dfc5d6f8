// `sterna config check`: says whether a configuration would be accepted, and what it comes to.

import { loadConfig } from '../../shared/config/load.ts';
import { printSettings } from '../../shared/config/print.ts';
import { CONFIG_FLAGS, CONFIG_FLAGS_HELP, configFlags, EXIT_OK, readFlags } from './command.ts';
import type { Command } from './command.ts';

export const configCheck: Command = {
  name: 'config check',
  summary: 'check a configuration and print what it comes to, without its secrets',
  help: CONFIG_FLAGS_HELP,

  run: (argv, context) => {
    const flags = readFlags('config check', argv, CONFIG_FLAGS);
    const config = loadConfig({
      file: flags.get('config'),
      environment: context.environment,
      flags: configFlags(flags, {}),
    });
    const from =
      config.file ?? (config.mode === 'development' ? 'development mode' : 'environment');
    context.print(`ok (${from})\n${printSettings(config)}`);
    for (const warning of config.warnings) context.warn(`warning: ${warning}\n`);
    return Promise.resolve(EXIT_OK);
  },
};
