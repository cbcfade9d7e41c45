import type { PageAccess } from './answers.js';
import type { Asked } from './state.js';
import { shownText } from './format.js';
import { h } from './vendor/preact.js';
import type { ComponentChild, ComponentChildren } from './vendor/preact.js';

export function sectionView(title: string, id: string, ...content: ComponentChildren[]): ComponentChild {
  return h(
    'section',
    { class: `card ${id}`, 'aria-labelledby': `${id}-title` },
    h('h3', { id: `${id}-title` }, title),
    ...content,
  );
}

/** A button that says why it can't be pressed. It stays focusable then, so that everybody gets to know. */
export function actionButton(
  label: string,
  access: PageAccess,
  act: () => void,
  { isStandby = false, tone = '' }: { isStandby?: boolean; tone?: string } = {},
): ComponentChild {
  const why = isStandby ? 'The daemon that leads this mapping has to be asked.' : whyNot(access);
  return h(
    'button',
    {
      class: tone,
      'aria-disabled': why === undefined ? undefined : 'true',
      title: why,
      'aria-description': why,
      onClick: () => {
        if (why === undefined) act();
      },
    },
    label,
  );
}

/** Why this browser may not see values or change things; undefined when it may. */
export function whyNot({ trusted, error, hint }: PageAccess): string | undefined {
  return trusted ? undefined : `Read-only: ${error ?? 'not connected.'} ${hint ?? ''}`.trim();
}

/** What was asked for, or that it is on its way, or why there is none. */
export function askedView<T>(asked: Asked<T>, show: (answer: T) => ComponentChildren): ComponentChildren {
  if (asked.answer !== undefined) return show(asked.answer);
  if (asked.failure === undefined) return h('p', { class: 'quiet' }, 'Asking …');
  const { message, hint } = asked.failure;
  return h('p', { class: 'error-text', role: 'alert' }, shownText(`${message} ${hint}`));
}
