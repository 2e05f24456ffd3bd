local numbers = {}
function numbers.twice(n: number): number return n * 2 end
return numbers
