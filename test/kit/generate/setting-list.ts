import type { SettingNode } from '../../../src/config/setting-tree.js';
import { settingTree } from '../../../src/config/setting-tree.js';

/** A setting with its path for people: `mappings[].maxDelete.percent`. */
export interface ListedSetting {
  readonly path: string;
  readonly node: SettingNode;
  readonly isRequired: boolean;
}

/** Every setting, groups before what is in them, in the order of the schema. */
export function listSettings(): ListedSetting[] {
  return settingsBelow(settingTree(), '');
}

function settingsBelow(node: SettingNode, path: string): ListedSetting[] {
  const inGroup = Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const listed = {
      path: path === '' ? name : `${path}.${name}`,
      node: child,
      isRequired: node.required?.includes(name) ?? false,
    };
    return [listed, ...settingsBelow(child, listed.path)];
  });
  const inItems = node.items === undefined ? [] : settingsBelow(node.items, `${path}[]`);
  return [...inGroup, ...inItems, ...(node.anyOf ?? []).flatMap((it) => settingsBelow(it, path))];
}
