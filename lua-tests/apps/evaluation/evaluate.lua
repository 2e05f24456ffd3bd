return { main = function(request) return eval_runner.run(request) end }
