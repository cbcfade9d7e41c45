import type { Actions } from './actions.js';
import { isConfirmed } from './actions.js';
import type { Plan } from './answers.js';
import { count, shownText } from './format.js';
import { askedView } from './parts.js';
import type { ConfirmDialog, PageState, ResyncFrom } from './state.js';
import { shownMapping } from './state.js';
import { h } from './vendor/preact.js';
import type { ComponentChild, ComponentChildren } from './vendor/preact.js';

const RESYNC_CHOICES: ReadonlyArray<readonly [ResyncFrom, string]> = [
  ['merge', 'Each difference is decided as a conflict'],
  ['zookeeper', 'ZooKeeper wins wherever both sides differ'],
  ['consul', 'Consul wins wherever both sides differ'],
];

/** The dialog that is open, if any. */
export function dialogView(state: PageState, actions: Actions): ComponentChild | false {
  const { dialog } = state;
  if (dialog === undefined) return false;
  if (dialog.kind === 'token') return tokenDialog(dialog.typed, actions);
  return confirmDialog(dialog, state, actions);
}

function tokenDialog(typed: string, actions: Actions): ComponentChild {
  return modal('Enter the token', actions, () => actions.useToken(typed), [
    h(
      'p',
      {},
      'The one set as ',
      h('code', {}, 'admin.token'),
      '. It is kept in this tab until the tab is closed.',
    ),
    field('Token', 'password', typed, actions),
    buttons('Use it', typed !== '', false, actions),
  ]);
}

function confirmDialog(dialog: ConfirmDialog, state: PageState, actions: Actions): ComponentChild {
  const { title, explanation, verb, dangerous, mapping, typed, failure, progress } = dialog;
  return modal(shownText(title), actions, () => void actions.carryOut(), [
    ...explanation.map((text) => h('p', {}, shownText(text))),
    dialog.resync !== undefined && resyncChoices(dialog.resync, state, actions),
    dangerous && field(`Type ${mapping} to go on`, 'text', typed, actions),
    failure !== undefined &&
      h('p', { class: 'error-text', role: 'alert' }, shownText(`${failure.message} ${failure.hint}`)),
    buttons(
      progress === 'sent' ? 'Waiting …' : verb,
      isConfirmed(dialog) && progress !== 'sent',
      dangerous,
      actions,
    ),
  ]);
}

function resyncChoices(
  { from, preview }: NonNullable<ConfirmDialog['resync']>,
  state: PageState,
  actions: Actions,
): ComponentChild {
  const mapping = shownMapping(state);
  return h(
    'fieldset',
    {},
    h('legend', {}, 'Start over from'),
    RESYNC_CHOICES.map(([value, text]) =>
      h(
        'label',
        { class: 'choice' },
        h('input', {
          type: 'radio',
          name: 'from',
          value,
          checked: value === from,
          onChange: () => mapping !== undefined && actions.resync(mapping, value),
        }),
        ` ${text}`,
      ),
    ),
    h('div', { class: 'preview', 'aria-live': 'polite' }, askedView(preview, planView)),
  );
}

function planView(plan: Plan): ComponentChild {
  const row = (what: string, { zookeeper, consul }: Plan['create']) =>
    h('tr', {}, h('th', { scope: 'row' }, what), h('td', {}, count(zookeeper)), h('td', {}, count(consul)));
  return h(
    'div',
    {},
    h(
      'table',
      { class: 'plan' },
      h('caption', {}, 'What it would do now'),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('td', {}),
          h('th', { scope: 'col' }, 'in ZooKeeper'),
          h('th', { scope: 'col' }, 'in Consul'),
        ),
      ),
      h('tbody', {}, row('create', plan.create), row('update', plan.update), row('delete', plan.delete)),
    ),
    h('p', { class: 'quiet' }, `${count(plan.conflicts)} conflicts, ${count(plan.skipped)} left out`),
  );
}

function field(label: string, type: 'text' | 'password', typed: string, actions: Actions): ComponentChild {
  return h(
    'label',
    { class: 'field' },
    h('span', {}, label),
    h('input', {
      type,
      value: typed,
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: false,
      onInput: (event: Event) => actions.type((event.target as HTMLInputElement).value),
    }),
  );
}

function buttons(verb: string, isReady: boolean, dangerous: boolean, actions: Actions): ComponentChild {
  return h(
    'div',
    { class: 'actions end' },
    h('button', { type: 'button', onClick: () => actions.closeDialog() }, 'Cancel'),
    h('button', { type: 'submit', class: dangerous ? 'danger solid' : 'primary', disabled: !isReady }, verb),
  );
}

/** The browser's own modal dialog: it keeps the focus inside, and Escape closes it. */
function modal(
  title: string,
  actions: Actions,
  submit: () => void,
  content: ComponentChildren,
): ComponentChild {
  return h(
    'dialog',
    {
      'aria-labelledby': 'dialog-title',
      ref: (element: HTMLDialogElement | null) => {
        if (element !== null && !element.open) element.showModal();
      },
      onClose: () => actions.closeDialog(),
    },
    h(
      'form',
      {
        onSubmit: (event: Event) => {
          event.preventDefault();
          submit();
        },
      },
      h('h2', { id: 'dialog-title' }, title),
      content,
    ),
  );
}
