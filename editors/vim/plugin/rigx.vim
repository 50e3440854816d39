" Build, test and run the targets of a rigx.toml: :Rigx, and rigx-ls for the
" plugins ALE, vim-lsp and coc.nvim (see README.md).
if exists('g:loaded_rigx') || has('nvim')
  finish
endif
let g:loaded_rigx = 1

function! s:root() abort
  let l:file = findfile('rigx.toml', '.;')
  return l:file ==# '' ? getcwd() : fnamemodify(l:file, ':p:h')
endfunction

function! s:complete(lead, line, pos) abort
  let l:words = split(a:line[: a:pos - 1], '\s\+', 1)
  if len(l:words) <= 2
    return filter(['build', 'test', 'run', 'check', 'fmt', 'graph', 'watch'], 'stridx(v:val, a:lead) == 0')
  endif
  " What is known is listed even if rigx.toml has an error, which is said elsewhere.
  let l:list = system('rigx -C ' . shellescape(s:root()) . ' list --json 2>' . (has('win32') ? 'NUL' : '/dev/null'))
  if l:list !~# '^\s*\['
    return []
  endif
  return filter(map(json_decode(l:list), 'v:val.name'), 'stridx(v:val, a:lead) == 0')
endfunction

" Runs rigx as the compiler: what it complains about is in the quickfix list.
function! s:rigx(...) abort
  compiler rigx
  execute 'make!' join(map(copy(a:000), 'shellescape(v:val)'))
  cwindow
endfunction

command! -nargs=+ -complete=customlist,s:complete Rigx call s:rigx(<f-args>)

augroup rigx
  autocmd!
  autocmd BufRead,BufNewFile rigx.toml setfiletype toml
  autocmd User lsp_setup call lsp#register_server({
        \ 'name': 'rigx',
        \ 'cmd': {_ -> ['rigx-ls']},
        \ 'allowlist': ['toml'],
        \ 'root_uri': {_ -> lsp#utils#path_to_uri(s:root())},
        \ })
augroup END
