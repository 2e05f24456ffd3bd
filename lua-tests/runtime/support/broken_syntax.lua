return { main = function( end }
