import type { Candidates, CompletedCommand } from './completion-tree.js';
import { scriptCases } from './script-cases.js';

/** Walks the line before the cursor, and looks up in the tables what can follow. */
const WALK = `#compdef zk-consul-sync
# Completion of zk-consul-sync for zsh: source <(zk-consul-sync completion zsh)
_zk_consul_sync() {
  local word at='' expects='' config='' kind=''
  local -i place=0
  local -a subcommands options candidates asked=(zk-consul-sync completion zsh --mappings)
  _zk_consul_sync_at ''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $expects ]]; then
      [[ $expects == (-c|--config) ]] && config=$word
      expects=''
    elif [[ $word == -* ]]; then
      _zk_consul_sync_value "$at" "$word" && expects=$word
    elif (( \${subcommands[(I)$word:*]} )); then
      at=\${at:+$at }$word
      _zk_consul_sync_at "$at"
    else
      place+=1
    fi
  done
  kind='' candidates=()
  if [[ -n $expects ]]; then
    _zk_consul_sync_value "$at" "$expects"
  elif [[ $PREFIX == -* ]]; then
    _describe option options
    return
  else
    (( $#subcommands )) && _describe command subcommands
    _zk_consul_sync_argument "$at" $place
  fi
  case $kind in
    files) _files ;;
    mappings)
      [[ -n $config ]] && asked+=(--config $config)
      candidates=(\${(f)"$("\${asked[@]}" 2>/dev/null)"}) ;;
  esac
  (( $#candidates )) && compadd -a candidates
}

`;

/** For zsh 5 and later: to be sourced after `compinit`, or a file `_zk-consul-sync` in `fpath`. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  return `${WALK}_zk_consul_sync_at() {
  subcommands=() options=()
  case $1 in
${scriptCases(commands, ({ path, subcommands, options }) => {
  const commandWords = subcommands.map(({ name, summary }) => described(name, summary));
  const optionWords = options.flatMap(({ flags, description }) =>
    flags.map((flag) => described(flag, description)),
  );
  return [[`'${path}'`, `subcommands=(${commandWords.join(' ')}) options=(${optionWords.join(' ')})`]];
})}
  esac
}

# Whether an option takes a value, and which.
_zk_consul_sync_value() {
  case "$1 $2" in
${scriptCases(commands, ({ path, options }) =>
  options.flatMap(({ flags, value }) =>
    value === undefined ? [] : [[flags.map((flag) => `'${path} ${flag}'`).join(' | '), assigned(value)]],
  ),
)}
    *) return 1 ;;
  esac
}

_zk_consul_sync_argument() {
  case "$1 $2" in
${scriptCases(commands, ({ path, positions, isVariadic }) =>
  positions.map((candidates, at) => {
    const isLast = at === positions.length - 1;
    return [isVariadic && isLast ? `'${path} '*` : `'${path} ${at}'`, assigned(candidates)];
  }),
)}
  esac
}

if [[ $funcstack[1] == _zk-consul-sync ]]; then
  _zk_consul_sync "$@"
else
  compdef _zk_consul_sync zk-consul-sync
fi
`;
}

function assigned(candidates: Candidates): string {
  return candidates.kind === 'words'
    ? `kind=words candidates=(${candidates.words.join(' ')})`
    : `kind=${candidates.kind}`;
}

/** `name:description`, in which a colon of the name would end it. */
function described(name: string, description: string): string {
  return `'${name}:${description.replaceAll("'", `'\\''`)}'`;
}
