import type { Candidates, CompletedCommand } from './completion-tree.js';
import { scriptCases } from './script-cases.js';

/** Walks the line before the cursor, and looks up in the tables what can follow. */
const WALK = `# Completion of zk-consul-sync for bash: source <(zk-consul-sync completion bash)
_zk_consul_sync() {
  local line=\${COMP_LINE:0:COMP_POINT} word path='' expects='' config='' position=0
  local subcommands options candidates
  local -a words
  # By blanks alone: bash also takes words apart at colons and equal signs, as addresses have them.
  read -ra words <<<"$line"
  local current=''
  if [[ $line != *[[:space:]] ]]; then
    current=\${words[\${#words[@]} - 1]}
    unset "words[\${#words[@]} - 1]"
  fi
  _zk_consul_sync_at ''
  for word in "\${words[@]:1}"; do
    if [[ -n $expects ]]; then
      case $expects in -c | --config) config=$word ;; esac
      expects=''
    elif [[ $word == -* ]]; then
      _zk_consul_sync_value "$path" "$word" && expects=$word
    elif [[ " $subcommands " == *" $word "* ]]; then
      path=\${path:+$path }$word
      _zk_consul_sync_at "$path"
    else
      position=$((position + 1))
    fi
  done
  COMPREPLY=()
  if [[ -n $expects ]]; then
    _zk_consul_sync_value "$path" "$expects"
  elif [[ $current == -* ]]; then
    candidates=$options
  else
    _zk_consul_sync_argument "$path" "$position"
    candidates="$subcommands $candidates"
  fi
  case $candidates in
    *@files*)
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
      return ;;
    *@mappings*)
      candidates=\${candidates/@mappings/$(zk-consul-sync completion bash --mappings \${config:+--config "$config"} 2>/dev/null)} ;;
  esac
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$candidates" -- "$current")
}

`;

/** For bash 3.2 and later, without the package bash-completion. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  return `${WALK}_zk_consul_sync_at() {
  subcommands='' options=''
  case $1 in
${scriptCases(commands, ({ path, subcommands, options }) => [
  [
    `'${path}'`,
    `subcommands='${subcommands.map(({ name }) => name).join(' ')}' options='${options.flatMap(({ flags }) => flags).join(' ')}'`,
  ],
])}
  esac
}

# Whether an option takes a value, and which.
_zk_consul_sync_value() {
  candidates=''
  case "$1 $2" in
${scriptCases(commands, ({ path, options }) =>
  options.flatMap(({ flags, value }) =>
    value === undefined
      ? []
      : [[flags.map((flag) => `'${path} ${flag}'`).join(' | '), `candidates='${shown(value)}'`]],
  ),
)}
    *) return 1 ;;
  esac
}

_zk_consul_sync_argument() {
  candidates=''
  case "$1 $2" in
${scriptCases(commands, ({ path, positions, isVariadic }) =>
  positions.map((candidates, at) => {
    const isLast = at === positions.length - 1;
    const pattern = isVariadic && isLast ? `'${path} '*` : `'${path} ${at}'`;
    return [pattern, `candidates='${shown(candidates)}'`];
  }),
)}
  esac
}

complete -F _zk_consul_sync zk-consul-sync
`;
}

function shown(candidates: Candidates): string {
  switch (candidates.kind) {
    case 'words':
      return candidates.words.join(' ');
    case 'mappings':
      return '@mappings';
    case 'files':
      return '@files';
    case 'anything':
      return '';
  }
}
