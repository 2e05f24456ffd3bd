return { hello = function() require("http").response():write("hello") end }
