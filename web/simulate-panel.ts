// For development: a form in the details that has our own connection go wrong for a while. There for who has the grant.

import type { NetworkConditions, Room, Simulation } from '../sdk/index.ts';
import { byId } from './dom.ts';
import { toast } from './toasts.ts';

const form = (): HTMLFormElement => byId('simulate', HTMLFormElement);

/** What happens at once has no time to last. */
const MOMENTARY = new Set(['signal-drop', 'node-drain', 'full-reconnect']);

/** Shown as long as the meeting goes on. */
export function showSimulatePanel(room: Room, signal: AbortSignal): void {
  form().hidden = !room.maySimulate;
  showFields();
  byId('simulate-op', HTMLSelectElement).addEventListener('change', showFields, { signal });
  form().addEventListener(
    'submit',
    (event) => {
      event.preventDefault();
      run(room, chosen());
    },
    { signal },
  );
  const lift = byId('simulate-lift', HTMLButtonElement);
  lift.addEventListener('click', () => run(room, { op: 'lift' }), { signal });
}

function run(room: Room, simulation: Simulation): void {
  room
    .simulate(simulation)
    .then(() => toast(simulation.op === 'lift' ? 'Back to normal' : `Simulating ${simulation.op}`))
    .catch((error: unknown) => toast(error instanceof Error ? error.message : String(error)));
}

/** Those that go with what is chosen. */
function showFields(): void {
  const { value } = byId('simulate-op', HTMLSelectElement);
  byId('simulate-network', HTMLFieldSetElement).hidden = value !== 'network';
  byId('simulate-lasting', HTMLElement).hidden = MOMENTARY.has(value);
}

function numberOf(id: string): number {
  return byId(id, HTMLInputElement).valueAsNumber || 0;
}

function chosen(): Simulation {
  const ms = Math.round(numberOf('simulate-seconds') * 1000);
  switch (byId('simulate-op', HTMLSelectElement).value) {
    case 'signal-drop':
      return { op: 'signal-drop' };
    case 'node-drain':
      return { op: 'node-drain' };
    case 'full-reconnect':
      return { op: 'full-reconnect' };
    case 'ice-fail':
      return { op: 'ice-fail', ms };
    case 'ice-tcp':
      return { op: 'ice-tcp', ms };
    case 'turn-only':
      return { op: 'turn-only', ms };
    case 'speaker':
      return { op: 'speaker', ms };
    default:
      return { op: 'network', ...directions(), ms };
  }
}

function directions(): { up?: NetworkConditions; down?: NetworkConditions } {
  const kbps = numberOf('simulate-rate');
  const conditions: NetworkConditions = {
    loss: numberOf('simulate-loss') / 100,
    delayMs: numberOf('simulate-delay'),
    jitterMs: numberOf('simulate-jitter'),
    ...(kbps > 0 ? { rateBps: kbps * 1000 } : {}),
  };
  const { value } = byId('simulate-direction', HTMLSelectElement);
  return {
    ...(value === 'down' ? {} : { up: conditions }),
    ...(value === 'up' ? {} : { down: conditions }),
  };
}
