// A WCF client on Mono's own System.ServiceModel that does what the JSON lines on its standard input say:
// the commands of Client.cs that Mono can do, one command a line, one answer a line; "id" comes back.
//   mcs -langversion:7 -d:MONO -r:System.ServiceModel -r:System.Runtime.Serialization -r:System.Xml -out:monoclient.exe \
//       Contracts.cs MoreContracts.cs MoreXml.cs Services.cs MonoBindings.cs MonoJson.cs MonoValues.cs MonoClient.cs
// Mono ignores OpenTimeout and sometimes SendTimeout, so every command runs on a thread of its own and is answered
// with an error when it has not ended after "deadline" seconds (20 when not given).
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Threading;

namespace Peers
{
    /// <summary>Reports each callback as an event; Ask answers what "reply" said, or "re: " and the question.</summary>
    [CallbackBehavior(ConcurrencyMode = ConcurrencyMode.Multiple, UseSynchronizationContext = false)]
    public class ProgressCallback : IProgress
    {
        public static readonly ConcurrentDictionary<string, object> Replies = new ConcurrentDictionary<string, object>();

        public void Progress(int percent, string note) { Report("Progress", percent, note); }

        public string Ask(string question)
        {
            Report("Ask", question);
            object reply;
            return Replies.TryGetValue("Ask", out reply) ? (string)reply : "re: " + question;
        }

        static void Report(string op, params object[] args)
        {
            MonoJson.Write(new Dictionary<string, object> { { "event", "callback" }, { "op", op }, { "args", args } });
        }
    }

    public sealed class MonoClient
    {
        sealed class Opened { public Type Contract; public ChannelFactory Factory; public IClientChannel Channel; }

        readonly ConcurrentDictionary<string, Opened> channels = new ConcurrentDictionary<string, Opened>();
        int next;

        public static int Main()
        {
            ThreadPool.SetMinThreads(64, 64);
            var client = new MonoClient();
            MonoJson.Write(new Dictionary<string, object> { { "event", "ready" }, { "framework", "Mono " + Version() } });
            string line;
            while ((line = Console.In.ReadLine()) != null)
            {
                if (line.Trim() == "") continue;
                Dictionary<string, object> command;
                try { command = MonoJson.ReadObject(line); }
                catch (Exception e) { MonoJson.Write(new Dictionary<string, object> { { "ok", false }, { "error", Describe(e) } }); continue; }
                if (Text(command, "cmd") == "quit") break;
                var done = client.Start(command);
                if (!(command.ContainsKey("background") && (bool)command["background"])) done.WaitOne();
            }
            Environment.Exit(0);   // not by return: threads of Mono's transport may be waiting for ever
            return 0;
        }

        /// <summary>Runs the command on its own thread; the event is set once it is answered, in time or not.</summary>
        ManualResetEvent Start(Dictionary<string, object> command)
        {
            var answered = new ManualResetEvent(false);
            var clock = Stopwatch.StartNew();
            int taken = 0;
            Action<Dictionary<string, object>> answer = body =>
            {
                if (Interlocked.Exchange(ref taken, 1) != 0) return;   // the deadline was first, or the command was
                if (command.ContainsKey("id")) body["id"] = command["id"];
                body["ms"] = Math.Round(clock.Elapsed.TotalMilliseconds, 2);
                MonoJson.Write(body);
                answered.Set();
            };
            new Thread(() =>
            {
                Dictionary<string, object> body;
                try { body = Do(command); body["ok"] = true; }
                catch (Exception e) { body = new Dictionary<string, object> { { "ok", false }, { "error", Describe(e) } }; }
                answer(body);
            }) { IsBackground = true }.Start();
            double seconds = command.ContainsKey("deadline") ? Convert.ToDouble(command["deadline"]) : 20;
            ThreadPool.RegisterWaitForSingleObject(answered, (state, late) =>
            {
                if (!late) return;
                answer(new Dictionary<string, object> { { "ok", false }, { "error", new Dictionary<string, object> {
                    { "type", "Peers.DeadlinePassed" }, { "message", Text(command, "cmd") + " had not ended after " + seconds + " s" } } } });
            }, null, TimeSpan.FromSeconds(seconds), true);
            return answered;
        }

        Dictionary<string, object> Do(Dictionary<string, object> c)
        {
            switch (Text(c, "cmd"))
            {
                case "open":
                {
                    var opened = Open(c);
                    var key = "c" + Interlocked.Increment(ref next);
                    channels[key] = opened;
                    return new Dictionary<string, object> { { "channel", key }, { "session", opened.Channel.SessionId } };
                }
                case "call": { var o = channels[Text(c, "channel")]; return Call(o, c); }
                case "close": return Close(channels[Text(c, "channel")]);
                case "abort":
                {
                    var o = channels[Text(c, "channel")];
                    Abort(o);
                    return new Dictionary<string, object> { { "state", o.Channel.State } };
                }
                case "state": return new Dictionary<string, object> { { "state", channels[Text(c, "channel")].Channel.State } };
                case "once":   // open, call, close: one connection's life
                {
                    var o = Open(c);
                    try { var answer = Call(o, c); Close(o); return answer; }
                    catch { Abort(o); throw; }
                }
                case "reply": ProgressCallback.Replies[Text(c, "op")] = c["result"]; return new Dictionary<string, object>();
                default: throw new ArgumentException("unknown cmd " + Text(c, "cmd"));
            }
        }

        static Opened Open(Dictionary<string, object> c)
        {
            var contract = MonoValues.FindType(Text(c, "contract"));
            var binding = MonoBindings.Make(Text(c, "binding") ?? "none");
            binding.OpenTimeout = binding.SendTimeout = binding.CloseTimeout = TimeSpan.FromSeconds(20);
            var address = new EndpointAddress(Text(c, "address"));
            var arguments = new List<object> { binding, address };
            var kind = typeof(ChannelFactory<>);
            if (IsDuplex(contract)) { kind = typeof(DuplexChannelFactory<>); arguments.Insert(0, new InstanceContext(new ProgressCallback())); }
            var opened = new Opened { Contract = contract, Factory = (ChannelFactory)Activator.CreateInstance(kind.MakeGenericType(contract), arguments.ToArray()) };
            try
            {
                var type = typeof(ChannelFactory<>).MakeGenericType(contract);
                var via = Text(c, "via");
                opened.Channel = (IClientChannel)(via == null
                    ? Invoke(type.GetMethod("CreateChannel", Type.EmptyTypes), opened.Factory)
                    : Invoke(type.GetMethod("CreateChannel", new[] { typeof(EndpointAddress), typeof(Uri) }), opened.Factory, address, new Uri(via)));
                opened.Channel.Open();
            }
            catch { Abort(opened); throw; }
            return opened;
        }

        static Dictionary<string, object> Call(Opened o, Dictionary<string, object> c)
        {
            var name = Text(c, "op");
            var method = o.Contract.GetMethod(name) ?? throw new ArgumentException(o.Contract.Name + " has no operation " + name);
            var parameters = method.GetParameters();
            object given;
            var left = new Queue<object>(c.TryGetValue("args", out given) ? (List<object>)given : new List<object>());
            var args = new object[parameters.Length];
            for (int i = 0; i < args.Length; i++)
                if (!parameters[i].IsOut)
                {
                    if (left.Count == 0) throw new ArgumentException(name + ": argument " + parameters[i].Name + " is missing");
                    args[i] = MonoValues.ToValue(left.Dequeue(), parameters[i].ParameterType);
                }
            var result = Invoke(method, o.Channel, args);
            var answer = new Dictionary<string, object>();
            if (method.ReturnType != typeof(void)) answer["result"] = MonoValues.FromValue(result, method.ReturnType);
            var changed = parameters.Where(p => p.ParameterType.IsByRef).ToDictionary(p => p.Name, p => MonoValues.FromValue(args[p.Position], p.ParameterType));
            if (changed.Count > 0) answer["out"] = changed;
            return answer;
        }

        // Mono's Close of a channel with callbacks waits a minute for nothing: such a channel is aborted instead.
        static Dictionary<string, object> Close(Opened o)
        {
            if (IsDuplex(o.Contract)) Abort(o);
            else { o.Channel.Close(); o.Factory.Close(); }
            return new Dictionary<string, object> { { "state", o.Channel.State }, { "aborted", IsDuplex(o.Contract) } };
        }

        static void Abort(Opened o)
        {
            if (o.Channel != null) o.Channel.Abort();
            o.Factory.Abort();
        }

        static bool IsDuplex(Type contract)
        {
            return ((ServiceContractAttribute)contract.GetCustomAttributes(typeof(ServiceContractAttribute), false)[0]).CallbackContract != null;
        }

        static object Invoke(MethodInfo method, object target, params object[] args)
        {
            try { return method.Invoke(target, args); }
            catch (TargetInvocationException e) when (e.InnerException != null) { throw e.InnerException; }
        }

        static string Version()
        {
            var name = Type.GetType("Mono.Runtime")?.GetMethod("GetDisplayName", BindingFlags.NonPublic | BindingFlags.Static);
            return (string)name?.Invoke(null, null) ?? "?";
        }

        static string Text(Dictionary<string, object> c, string key)
        {
            object value;
            return c.TryGetValue(key, out value) ? (string)value : null;
        }

        static Dictionary<string, object> Describe(Exception e)
        {
            if (e is TargetInvocationException && e.InnerException != null) e = e.InnerException;
            var type = e.GetType();
            var o = new Dictionary<string, object> {
                { "type", type.IsGenericType ? "FaultException<" + type.GetGenericArguments()[0].Name + ">" : type.FullName }, { "message", e.Message } };
            var fault = e as FaultException;
            if (fault != null)
            {
                o["code"] = fault.Code?.Name; o["codeNamespace"] = fault.Code?.Namespace;
                o["subcode"] = fault.Code?.SubCode?.Name; o["subcodeNamespace"] = fault.Code?.SubCode?.Namespace;
                o["action"] = fault.Action; o["reason"] = fault.Reason?.ToString();
                if (type.IsGenericType) o["detail"] = MonoValues.FromValue(type.GetProperty("Detail").GetValue(e, null), type.GetGenericArguments()[0]);
            }
            if (Environment.GetEnvironmentVariable("WCFCLIENT_TRACE") == "1") o["trace"] = e.StackTrace;
            if (e.InnerException != null) o["inner"] = Describe(e.InnerException);
            return o;
        }
    }
}
