error(errors.new { message = "typed failure", kind = errors.INVALID })
