-- Answers questions about versions by RPM's own rules: three words between tabs each in, one character each out.
for line in io.stdin:lines() do
    local one, two = line:match("^[^\t]*\t([^\t]*)\t([^\t]*)$")
    io.stdout:write(({[-1] = "<", [0] = "=", [1] = ">"})[rpm.vercmp(one, two)], "\n")
end
