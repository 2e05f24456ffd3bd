%% The jobs of the actor benchmarks in Erlang: the same counts, the same lines of output, the fastest of five rounds.
%% Run: erlc actors.erl && erl -noshell -run actors main JOB
-module(actors).
-export([main/1, empty/0, notify/1, sleeper/0, echo/1, ring_node/2, producer/2]).

main([Job]) ->
    job(list_to_atom(Job)),
    halt().

job(spawn_exit) ->
    N = 100000,
    Self = self(),
    Monitored = best(fun() ->
        repeat(N, fun() -> spawn_monitor(?MODULE, empty, []) end),
        repeat(N, fun() -> receive {'DOWN', _, process, _, _} -> ok end end)
    end),
    say("spawn_monitored", N / Monitored),
    Messaged = best(fun() ->
        repeat(N, fun() -> spawn(?MODULE, notify, [Self]) end),
        repeat(N, fun() -> receive {done, true} -> ok end end)
    end),
    say("spawn_message", N / Messaged);
job(idle_memory) ->
    N = 100000,
    erlang:garbage_collect(),
    timer:sleep(200),
    Before = rss(),
    Pids = [spawn(?MODULE, sleeper, []) || _ <- lists:seq(1, N)],
    timer:sleep(1000),
    say("idle_rss", (rss() - Before) / N),
    lists:foreach(fun(Pid) -> Pid ! stop end, Pids);
job(pingpong) ->
    Self = self(),
    Peer = spawn(?MODULE, echo, [Self]),
    N = 1000000,
    say("pingpong", N / best(fun() -> exchange(N, Peer, 1) end)),
    M = 500000,
    %% Made at run time, as in the Lua program: the runtime may send a literal without a copy.
    Record = #{id => list_to_integer("1"), name => list_to_binary("item"), tags => lists:seq(1, 3)},
    say("pingpong_record", M / best(fun() -> exchange(M, Peer, Record) end)),
    Peer ! stop;
job(ring) ->
    Size = 1000,
    Hops = Size * 100,
    Self = self(),
    First = spawn(?MODULE, ring_node, [Self, none]),
    {Last, Nodes} = lists:foldl(
        fun(_, {Previous, All}) ->
            Node = spawn(?MODULE, ring_node, [Self, Previous]),
            {Node, [Node | All]}
        end,
        {First, [First]},
        lists:seq(2, Size)
    ),
    First ! {next, Last},
    T = best(fun() ->
        First ! {token, Hops},
        receive {finished, true} -> ok end
    end),
    say("ring_hops", Hops / T),
    lists:foreach(fun(Node) -> Node ! stop end, Nodes);
job(fan_in) ->
    Producers = 100,
    Each = 10000,
    Total = Producers * Each,
    Self = self(),
    T = best(fun() ->
        repeat(Producers, fun() -> spawn(?MODULE, producer, [Self, Each]) end),
        Sum = sum(Total, 0),
        Sum = Producers * (Each * (Each + 1) div 2)
    end),
    say("fan_in", Total / T).

%% ---- bodies of processes

empty() -> ok.

notify(Parent) -> Parent ! {done, true}.

sleeper() -> receive _ -> ok end.

echo(Parent) ->
    receive
        {ping, Payload} -> Parent ! {pong, Payload}, echo(Parent);
        stop -> ok
    end.

ring_node(Owner, Next) ->
    receive
        {token, 0} -> Owner ! {finished, true}, ring_node(Owner, Next);
        {token, Value} -> Next ! {token, Value - 1}, ring_node(Owner, Next);
        {next, Other} -> ring_node(Owner, Other);
        stop -> ok
    end.

producer(_, 0) -> ok;
producer(To, Count) -> To ! {item, Count}, producer(To, Count - 1).

%% ---- loops and measuring

exchange(0, _, _) -> ok;
exchange(N, Peer, Payload) ->
    Peer ! {ping, Payload},
    receive {pong, _} -> exchange(N - 1, Peer, Payload) end.

sum(0, Sum) -> Sum;
sum(N, Sum) -> receive {item, Value} -> sum(N - 1, Sum + Value) end.

repeat(0, _) -> ok;
repeat(N, Then) -> Then(), repeat(N - 1, Then).

%% Seconds of the fastest of five rounds.
best(Round) ->
    lists:min([round_time(Round) || _ <- lists:seq(1, 5)]).

round_time(Round) ->
    Start = erlang:monotonic_time(),
    Round(),
    (erlang:monotonic_time() - Start) / erlang:convert_time_unit(1, second, native).

%% Resident set of the operating-system process in bytes.
rss() ->
    {ok, File} = file:open("/proc/self/status", [read, raw, binary]),
    {ok, Status} = file:read(File, 65536),
    file:close(File),
    {match, [Kilobytes]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(Kilobytes) * 1024.

say(Name, Value) -> io:format("~s ~.2f~n", [Name, float(Value)]).
