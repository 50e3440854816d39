-- Without a setup() of the user's, :Rigx sets rigx up as it is.
if vim.g.loaded_rigx then
  return
end
vim.g.loaded_rigx = true
if vim.fn.exists(':Rigx') == 0 then
  vim.api.nvim_create_user_command('Rigx', function(call)
    require('rigx').setup({})
    vim.cmd('Rigx ' .. call.args)
  end, { nargs = '+', desc = 'Run rigx in a terminal split' })
end
