// The dashboard: signs in, asks the server again and again, and shows what one address of it is about. Nothing of a
// server is kept when its operator signs out.

import { byId, make } from '../dom.ts';
import { Actions } from './actions.ts';
import type { NodeList, NodeNumbers, Overview } from './answers.ts';
import { adviceOf, Api, isRefused } from './api.ts';
import { KeyedList, setText } from './keyed-list.ts';
import type { Shown } from './keyed-list.ts';
import { LogView } from './log-view.ts';
import { OverviewView } from './overview-view.ts';
import { Poller } from './poller.ts';
import { problemsOf } from './problems.ts';
import type { Problem } from './problems.ts';
import { RoomView } from './room-view.ts';
import { RoomsView } from './rooms-view.ts';
import { Series } from './series.ts';
import { rememberedToken, rememberToken, takeToken } from './session.ts';
import { TurnView } from './turn-view.ts';
import type { View } from './view.ts';

/** Rooms that the problems can point at. */
const WORST = 10;

class Dashboard {
  readonly #poller = new Poller({
    ask: (signal) => this.#ask(signal),
    onSuccess: () => this.#tell('good', this.#trouble),
    onFailure: (error, nextMs) => this.#failed(error, nextMs),
  });
  readonly #actions = new Actions(
    () => this.#api,
    () => this.#poller.poke(),
  );
  readonly #overview = new OverviewView(this.#actions);
  readonly #room = new RoomView(this.#actions, () => this.#poller.poke());
  readonly #turn = new TurnView(this.#actions, () => this.#poller.poke());
  readonly #views: ReadonlyMap<string, View>;
  readonly #problems: KeyedList<Problem>;
  readonly #series = new Series();
  readonly #form = byId('sign-in-form', HTMLFormElement);
  readonly #input = byId('token', HTMLInputElement);
  readonly #nodeChoice = byId('node-choice', HTMLSelectElement);
  #api: Api | undefined;
  #view: View | undefined;
  #node = '';
  /** Of what the view shows; the rest is of now. */
  #trouble = '';

  constructor() {
    const views: [string, View][] = [
      ['rooms', new RoomsView(() => this.#poller.poke())],
      ['room', this.#room],
      ['turn', this.#turn],
      ['log', new LogView()],
    ];
    this.#views = new Map(views);
    this.#problems = new KeyedList(
      byId('problem-list', HTMLElement),
      ({ key }) => key,
      problemLine,
    );
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#signIn(this.#input.value.trim());
    });
    byId('sign-out', HTMLButtonElement).addEventListener('click', () => this.#signOut(''));
    this.#nodeChoice.addEventListener('change', () => {
      this.#node = this.#nodeChoice.value;
      this.#series.clear();
      this.#poller.poke();
    });
    addEventListener('hashchange', () => this.#goTo());
  }

  start(): void {
    const token = takeToken() || rememberedToken();
    if (token === '') this.#signOut('');
    else void this.#signIn(token);
  }

  async #signIn(token: string): Promise<void> {
    if (token === '') return this.#signOut('Paste a token or an API key first.');
    const button = byId('sign-in-button', HTMLButtonElement);
    button.disabled = true;
    const api = new Api(token);
    try {
      await api.get<NodeList>('nodes', new AbortController().signal);
      this.#api = api;
      rememberToken(token);
      this.#input.value = '';
      document.body.dataset['view'] = 'signed-in';
      byId('sign-in', HTMLElement).hidden = true;
      byId('signed-in', HTMLElement).hidden = false;
      this.#goTo();
      this.#poller.start();
    } catch (error) {
      this.#signOut(adviceOf(error));
    } finally {
      button.disabled = false;
    }
  }

  #signOut(why: string): void {
    this.#poller.stop();
    this.#api = undefined;
    this.#series.clear();
    this.#actions.clear();
    rememberToken('');
    document.body.dataset['view'] = 'sign-in';
    byId('signed-in', HTMLElement).hidden = true;
    byId('sign-in', HTMLElement).hidden = false;
    setText(byId('sign-in-problem', HTMLElement), why);
    this.#input.focus();
  }

  /** Shows what the address says. */
  #goTo(): void {
    const token = takeToken();
    if (token !== '') return void this.#signIn(token);
    if (this.#api === undefined) return;
    const [name = '', ...rest] = location.hash.slice(1).split('/');
    this.#view = this.#views.get(name);
    if (this.#view === this.#room) this.#room.open(decoded(rest.join('/')));
    byId('view-overview', HTMLElement).hidden = this.#view !== undefined;
    // Who looks at something else sees how many there are.
    byId('problems', HTMLDetailsElement).open = this.#view === undefined;
    for (const view of this.#views.values()) view.element.hidden = view !== this.#view;
    for (const link of byId('nav', HTMLElement).querySelectorAll('a')) {
      const isHere = link.hash === (this.#view === undefined ? '#overview' : `#${name}`);
      const isAbove = this.#view === this.#room && link.hash === '#rooms';
      if (isHere) link.setAttribute('aria-current', 'page');
      else if (isAbove) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    document.title = `${this.#view?.title ?? 'Overview'} · Sterna`;
    this.#poller.poke();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const api = this.#api;
    if (api === undefined) return;
    const [nodes, overview, trouble = ''] = await Promise.all([
      api.get<NodeList>('nodes', signal),
      api.get<Overview>(`overview?limit=${WORST}`, signal),
      // Where a room or a worker does not answer, the rest of the page still says why.
      this.#view?.load(api, signal).then(() => '', adviceOf),
    ]);
    // Somebody has gone elsewhere meanwhile: that round is another one's.
    if (signal.aborted) return;
    this.#show(nodes, overview);
    this.#trouble = trouble;
  }

  #show(list: NodeList, overview: Overview): void {
    const chosen = this.#choose(list.nodes);
    const self = list.nodes.find(({ id }) => id === list.self);
    this.#turn.note(
      self?.turn.allocations ?? 0,
      self?.turn.quotaPerUser ?? Infinity,
      list.nodes.length > 1,
    );
    this.#series.add(chosen);
    this.#overview.show(list, chosen, this.#series);
    const problems = problemsOf(list, overview, this.#series.points);
    this.#problems.show(problems);
    const wrong = problems.filter(({ tone }) => tone !== 'plain').length;
    byId('problems', HTMLElement).dataset['tone'] = wrong > 0 ? 'bad' : 'good';
    const title = wrong > 0 ? `What is wrong (${wrong})` : 'Nothing is wrong';
    setText(byId('problems-title', HTMLElement), title);
  }

  /** Those that the charts are about; the choice is there where there are several. */
  #choose(nodes: NodeNumbers[]): NodeNumbers[] {
    const choice = this.#nodeChoice;
    byId('node-label', HTMLElement).hidden = nodes.length < 2;
    const options = ['', ...nodes.map(({ id }) => id)];
    if ([...choice.options].map(({ value }) => value).join() !== options.join()) {
      const made = [{ id: '', name: 'All nodes' }, ...nodes].map(({ id, name }) => {
        const option = make('option', '', name);
        option.value = id;
        return option;
      });
      choice.replaceChildren(...made);
      if (!options.includes(this.#node)) {
        this.#node = '';
        this.#series.clear();
      }
      choice.value = this.#node;
    }
    return this.#node === '' ? nodes : nodes.filter(({ id }) => id === this.#node);
  }

  #failed(error: unknown, nextMs: number): void {
    if (isRefused(error)) return this.#signOut(adviceOf(error));
    this.#tell('bad', `${adviceOf(error)} Next try in ${Math.round(nextMs / 1000)} s.`);
  }

  /** Whether what is to be seen is of now. */
  #tell(tone: 'good' | 'bad', trouble: string): void {
    const live = byId('live', HTMLElement);
    setText(live, tone === 'good' ? 'Live' : 'Not live');
    live.dataset['tone'] = tone;
    const stale = byId('stale', HTMLElement);
    stale.hidden = trouble === '';
    setText(stale, trouble);
  }
}

function problemLine(): Shown<Problem> {
  const element = make('li');
  const text = make('span');
  const link = make('a', '', 'Look');
  element.append(text, link);
  return {
    element,
    update: (problem) => {
      element.className = `problem ${problem.tone}`;
      setText(text, problem.text);
      link.hidden = problem.href === undefined;
      if (problem.href !== undefined) link.href = problem.href;
      link.setAttribute('aria-label', `Look: ${problem.text}`);
    },
  };
}

/** A name as the address has it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

new Dashboard().start();
