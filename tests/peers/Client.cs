// A real WCF client (System.ServiceModel.NetTcp) that does what the JSON lines on its standard input say.
// One command a line, one answer a line; "id" comes back. README.rst lists the commands.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.ServiceModel.Description;
using System.ServiceModel.Security;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml;

namespace Peers;

/// <summary>The service contracts known by name: this program's own, and those of any --contracts assembly.</summary>
public static class Contracts
{
    static readonly List<Assembly> assemblies = [typeof(Contracts).Assembly];
    public static void Load(string path) => assemblies.Add(Assembly.LoadFrom(Path.GetFullPath(path)));
    public static Type FindType(string name) =>
        name.EndsWith("[]") ? (Type.GetType(name[..^2]) ?? FindType(name[..^2])).MakeArrayType()
        : assemblies.SelectMany(a => a.GetTypes()).FirstOrDefault(t => t.Name == name || t.FullName == name)
        ?? throw new ArgumentException($"no type named {name} in the contract assemblies");
}

/// <summary>A callback object for any callback contract: reports each call as an event, answers from a table.</summary>
public class CallbackProxy : DispatchProxy
{
    public static readonly ConcurrentDictionary<string, JsonNode> Replies = new();
    protected override object Invoke(MethodInfo method, object[] args)
    {
        var names = method.GetParameters();
        var shown = new JsonArray(args.Select((a, i) => Json.FromValue(a, names[i].ParameterType)).ToArray());
        Output.Write(new JsonObject { ["event"] = "callback", ["op"] = method.Name, ["args"] = shown });
        if (method.ReturnType == typeof(void)) return null;
        return Replies.TryGetValue(method.Name, out var reply) ? Json.ToValue(reply.DeepClone(), method.ReturnType)
             : method.ReturnType == typeof(string) ? string.Join(" ", args.Prepend("re:")) : null;
    }
}

public static class Output
{
    static readonly Lock one = new();
    public static void Write(JsonObject o)
    {
        var line = o.ToJsonString(Json.Options);
        lock (one) { Console.Out.WriteLine(line); Console.Out.Flush(); }
    }
}

public sealed class Client
{
    readonly ConcurrentDictionary<string, ChannelFactory> factories = new();
    readonly ConcurrentDictionary<string, IClientChannel> channels = new();
    readonly ConcurrentDictionary<string, Type> contractOf = new();
    readonly ConcurrentDictionary<string, IDuplexSessionChannel> raws = new();
    int next;

    public static int Main(string[] args)
    {
        for (int i = 0; i < args.Length; i++)
            if (args[i] == "--contracts" && i + 1 < args.Length) Contracts.Load(args[++i]);
            else { Console.Error.WriteLine("usage: wcfclient [--contracts FILE.dll]   (commands as JSON lines on standard input)"); return 2; }
        ThreadPool.SetMinThreads(64, 64);
        var client = new Client();
        var running = new List<Task>();
        Output.Write(new JsonObject { ["event"] = "ready", ["framework"] = System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription, ["wcf"] = typeof(NetTcpBinding).Assembly.GetName().Version.ToString() });
        for (string line; (line = Console.In.ReadLine()) != null;)
        {
            if (line.Trim() == "") continue;
            JsonObject c;
            try { c = JsonNode.Parse(line).AsObject(); }
            catch (Exception e) { Output.Write(new JsonObject { ["ok"] = false, ["error"] = Describe(e) }); continue; }
            if ((string)c["cmd"] == "quit") break;
            if ((bool?)c["background"] == true) running.Add(Task.Factory.StartNew(() => client.Answer(c), TaskCreationOptions.LongRunning));
            else client.Answer(c);
        }
        Task.WaitAll(running.ToArray(), 5000);
        return 0;
    }

    void Answer(JsonObject c)
    {
        var answer = new JsonObject();
        if (c["id"] is JsonNode id) answer["id"] = id.DeepClone();
        var clock = Stopwatch.StartNew();
        try
        {
            var result = Do(c);
            answer["ok"] = true;
            foreach (var (k, v) in result.ToArray()) { result.Remove(k); answer[k] = v; }
        }
        catch (Exception e)
        {
            answer["ok"] = false;
            answer["error"] = Describe(e is TargetInvocationException t && t.InnerException != null ? t.InnerException : e);
        }
        answer["ms"] = Math.Round(clock.Elapsed.TotalMilliseconds, 2);
        Output.Write(answer);
    }

    JsonObject Do(JsonObject c)
    {
        switch ((string)c["cmd"])
        {
            case "factory":
            {
                var contract = Contracts.FindType((string)c["contract"]);
                var factory = MakeFactory(contract, c);
                factory.Open();
                return new JsonObject { ["factory"] = Keep(factories, "f", factory, k => contractOf[k] = contract) };
            }
            case "open":
            {
                string key; ChannelFactory factory; Type contract;
                if (c["factory"] is JsonNode f) { key = (string)f; factory = factories[key]; contract = contractOf[key]; }
                else { contract = Contracts.FindType((string)c["contract"]); factory = MakeFactory(contract, c); }
                var channel = CreateChannel(factory, contract, c);
                if ((bool?)c["lazy"] != true) channel.Open();
                return new JsonObject { ["channel"] = Keep(channels, "c", channel, k => contractOf[k] = contract), ["session"] = channel.SessionId };
            }
            case "call": return Call(channels[(string)c["channel"]], contractOf[(string)c["channel"]], c);
            case "close": return Close(c, abort: false);
            case "abort": return Close(c, abort: true);
            case "state": return new JsonObject { ["state"] = channels[(string)c["channel"]].State.ToString() };
            case "once":   // open, call, close: one connection's life
            {
                var contract = Contracts.FindType((string)c["contract"]);
                var factory = MakeFactory(contract, c);
                var channel = CreateChannel(factory, contract, c);
                try { channel.Open(); var r = Call(channel, contract, c); channel.Close(); factory.Close(); return r; }
                catch { channel.Abort(); factory.Abort(); throw; }
            }
            case "reply": CallbackProxy.Replies[(string)c["op"]] = c["result"].DeepClone(); return [];
            case "bench": return Bench(c);
            case "raw-open":
            {
                var parameters = new BindingParameterCollection();
                var factory = Bindings.Make(c["binding"] as JsonObject).BuildChannelFactory<IDuplexSessionChannel>(parameters);
                factory.Open();
                var channel = factory.CreateChannel(new EndpointAddress((string)c["address"]), new Uri((string)c["via"] ?? (string)c["address"]));
                channel.Open();
                return new JsonObject { ["channel"] = Keep(raws, "r", channel) };
            }
            case "raw-send": raws[(string)c["channel"]].Send(MakeMessage(c, raws[(string)c["channel"]].RemoteAddress)); return [];
            case "raw-receive":
            {
                var m = raws[(string)c["channel"]].Receive(TimeSpan.FromSeconds((double?)c["timeout"] ?? 20));
                return new JsonObject { ["message"] = m?.ToString() };
            }
            case "raw-end": raws[(string)c["channel"]].Session.CloseOutputSession(); return [];
            case "raw-close": raws[(string)c["channel"]].Close(); return [];
            case "raw-abort": raws[(string)c["channel"]].Abort(); return [];
            case "nbfx-decode": return Oracle.Decode(c);
            case "session-decode": return Oracle.Session(c);
            case "sleep": Thread.Sleep((int)c["ms"]); return [];
            default: throw new ArgumentException("unknown cmd " + c["cmd"]);
        }
    }

    string Keep<T>(ConcurrentDictionary<string, T> table, string letter, T value, Action<string> also = null)
    {
        var key = letter + Interlocked.Increment(ref next);
        table[key] = value;
        also?.Invoke(key);
        return key;
    }

    static EndpointAddress Address(JsonObject c)
    {
        var uri = new Uri((string)c["address"]);
        EndpointIdentity identity = null;
        if (c["dns"] is JsonNode d) identity = new DnsEndpointIdentity((string)d);
        if (c["spn"] is JsonNode s) identity = new SpnEndpointIdentity((string)s);
        if (c["upn"] is JsonNode u) identity = new UpnEndpointIdentity((string)u);
        var headers = (c["addressHeaders"] as JsonArray ?? []).Select(h => AddressHeader.CreateAddressHeader((string)h["name"], (string)h["ns"] ?? "", (string)h["value"])).ToArray();
        return new EndpointAddress(uri, identity, headers);
    }

    static ChannelFactory MakeFactory(Type contract, JsonObject c)
    {
        var binding = Bindings.Make(c["binding"] as JsonObject);
        var callback = contract.GetCustomAttribute<ServiceContractAttribute>()?.CallbackContract;
        ChannelFactory factory;
        if (callback == null)
            factory = (ChannelFactory)Activator.CreateInstance(typeof(ChannelFactory<>).MakeGenericType(contract), binding, Address(c));
        else
        {
            var proxy = typeof(DispatchProxy).GetMethod(nameof(DispatchProxy.Create), 2, []).MakeGenericMethod(callback, typeof(CallbackProxy)).Invoke(null, null);
            factory = (ChannelFactory)Activator.CreateInstance(typeof(DuplexChannelFactory<>).MakeGenericType(contract), new InstanceContext(proxy), binding, Address(c));
        }
        Credentials(factory.Credentials, c["credentials"] as JsonObject ?? []);
        return factory;
    }

    static void Credentials(ClientCredentials k, JsonObject o)
    {
        k.UserName.UserName = (string)o["user"];
        k.UserName.Password = (string)o["password"];
        if (o["windows"] is JsonObject w) k.Windows.ClientCredential = new NetworkCredential((string)w["user"], (string)w["password"], (string)w["domain"] ?? "");
        if (o["windows"]?["impersonation"] is JsonNode level) k.Windows.AllowedImpersonationLevel = Enum.Parse<System.Security.Principal.TokenImpersonationLevel>((string)level);
        if (o["certificate"] is JsonNode pfx) k.ClientCertificate.Certificate = X509CertificateLoader.LoadPkcs12FromFile((string)pfx, (string)o["certificatePassword"]);
        k.ServiceCertificate.SslCertificateAuthentication = new X509ServiceCertificateAuthentication
        {
            CertificateValidationMode = Enum.Parse<X509CertificateValidationMode>((string)o["validation"] ?? "None"),
            RevocationMode = X509RevocationMode.NoCheck,
        };
    }

    static IClientChannel CreateChannel(ChannelFactory factory, Type contract, JsonObject c)
    {
        var type = typeof(ChannelFactory<>).MakeGenericType(contract);
        object made = c["via"] is JsonNode via
            ? type.GetMethod("CreateChannel", [typeof(EndpointAddress), typeof(Uri)]).Invoke(factory, [c["address"] != null ? Address(c) : factory.Endpoint.Address, new Uri((string)via)])
            : c["address"] != null && c["factory"] != null
            ? type.GetMethod("CreateChannel", [typeof(EndpointAddress)]).Invoke(factory, [Address(c)])
            : type.GetMethod("CreateChannel", []).Invoke(factory, null);
        return (IClientChannel)made;
    }

    static JsonObject Call(IClientChannel channel, Type contract, JsonObject c)
    {
        var name = (string)c["op"];
        var method = new[] { contract }.Concat(contract.GetInterfaces()).SelectMany(t => t.GetMethods()).Where(m => m.Name == name)
            .OrderByDescending(m => m.GetParameters().Count(p => !p.IsOut) == (c["args"] as JsonArray)?.Count).FirstOrDefault() ?? throw new ArgumentException($"{contract.Name} has no operation {name}");
        var parameters = method.GetParameters();
        var given = c["args"] as JsonArray ?? [];
        var args = new object[parameters.Length];
        int at = 0;
        for (int i = 0; i < args.Length; i++)
            if (!parameters[i].IsOut)
            {
                if (at >= given.Count) throw new ArgumentException($"{name}: argument {parameters[i].Name} is missing");
                args[i] = parameters[i].ParameterType == typeof(Message) ? MakeMessage(given[at++].AsObject(), channel.RemoteAddress) : Json.ToValue(given[at++], parameters[i].ParameterType);
            }
        using var scope = new OperationContextScope((IContextChannel)channel);
        foreach (var h in c["headers"] as JsonArray ?? [])
            OperationContext.Current.OutgoingMessageHeaders.Add(MessageHeader.CreateHeader((string)h["name"], (string)h["ns"] ?? "", (string)h["value"], (bool?)h["mustUnderstand"] ?? false));
        object result = method.Invoke(channel, args);
        if (result is Task task)
        {
            task.GetAwaiter().GetResult();
            result = method.ReturnType.IsGenericType ? ((dynamic)task).Result : null;
        }
        var answer = new JsonObject();
        if (method.ReturnType != typeof(void)) answer["result"] = Json.FromValue(result, typeof(Task).IsAssignableFrom(method.ReturnType) ? null : method.ReturnType);
        for (int i = 0; i < args.Length; i++)
            if (parameters[i].ParameterType.IsByRef) (answer["out"] ??= new JsonObject())[parameters[i].Name] = Json.FromValue(args[i], parameters[i].ParameterType);
        return answer;
    }

    JsonObject Close(JsonObject c, bool abort)
    {
        ICommunicationObject o = c["factory"] is JsonNode f ? factories[(string)f] : channels[(string)c["channel"]];
        if (abort) o.Abort(); else o.Close();
        return new JsonObject { ["state"] = o.State.ToString() };
    }

    static Message MakeMessage(JsonObject o, EndpointAddress to)
    {
        var version = ((string)o["soap"], (string)o["addressing"]) switch
        {
            ("1.1", "none") => MessageVersion.Soap11,
            (_, "2004") => MessageVersion.Soap12WSAddressingAugust2004,
            ("1.1", _) => MessageVersion.Soap11WSAddressing10,
            _ => MessageVersion.Soap12WSAddressing10,
        };
        var message = o["body"] is JsonNode body
            ? Message.CreateMessage(version, (string)o["action"], XmlReader.Create(new StringReader((string)body)))
            : Message.CreateMessage(version, (string)o["action"]);
        foreach (var h in o["headers"] as JsonArray ?? [])
            message.Headers.Add(MessageHeader.CreateHeader((string)h["name"], (string)h["ns"] ?? "", (string)h["value"], (bool?)h["mustUnderstand"] ?? false));
        if (version.Addressing != AddressingVersion.None && to != null) message.Headers.To = to.Uri;
        if ((bool?)o["messageId"] == true) message.Headers.MessageId = new UniqueId();
        return message;
    }

    // {"channels": k, "calls": n, "connect": true|false}: k threads; connect = a new channel for every call
    static JsonObject Bench(JsonObject c)
    {
        int threads = (int?)c["channels"] ?? 1, calls = (int?)c["calls"] ?? 100, bad = 0;
        bool connect = (bool?)c["connect"] ?? false;
        var contract = Contracts.FindType((string)c["contract"] ?? nameof(IBasic));
        var factory = MakeFactory(contract, c);
        factory.Open();
        string first = null;
        var spans = new ConcurrentBag<double>();
        IClientChannel Open() { var ch = CreateChannel(factory, contract, c); ch.Open(); return ch; }
        var ready = new Barrier(threads + 1);
        var work = Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(() =>
        {
            IClientChannel channel = null;
            try { if (!connect) { channel = Open(); Call(channel, contract, c); } } catch (Exception e) { Interlocked.Increment(ref bad); first ??= e.ToString(); }
            ready.SignalAndWait();
            for (int i = 0; i < calls; i++)
                try
                {
                    var t = Stopwatch.GetTimestamp();
                    if (connect) { channel = Open(); Call(channel, contract, c); channel.Close(); } else Call(channel, contract, c);
                    spans.Add(Stopwatch.GetElapsedTime(t).TotalMilliseconds);
                }
                catch (Exception e) { Interlocked.Increment(ref bad); first ??= (e.InnerException ?? e).ToString(); channel?.Abort(); if (!connect) return; }
            if (!connect) try { channel.Close(); } catch { channel.Abort(); }
        }, TaskCreationOptions.LongRunning)).ToArray();
        ready.SignalAndWait();
        var clock = Stopwatch.StartNew();
        Task.WaitAll(work);
        var sorted = spans.Order().ToArray();
        double At(double p) => sorted.Length == 0 ? 0 : Math.Round(sorted[Math.Min(sorted.Length - 1, (int)(p * sorted.Length))], 3);
        return new JsonObject { ["done"] = sorted.Length, ["failed"] = bad, ["first_error"] = first, ["per_second"] = Math.Round(sorted.Length / clock.Elapsed.TotalSeconds, 1), ["p50_ms"] = At(.5), ["p99_ms"] = At(.99) };
    }

    static JsonObject Describe(Exception e)
    {
        var o = new JsonObject { ["type"] = e.GetType().IsGenericType ? "FaultException<" + e.GetType().GetGenericArguments()[0].Name + ">" : e.GetType().FullName, ["message"] = e.Message };
        if (e is FaultException f)
        {
            o["code"] = f.Code?.Name; o["codeNamespace"] = f.Code?.Namespace;
            o["subcode"] = f.Code?.SubCode?.Name; o["subcodeNamespace"] = f.Code?.SubCode?.Namespace;
            o["action"] = f.Action; o["reason"] = f.Reason?.ToString();
            var detail = e.GetType().GetProperty("Detail")?.GetValue(e);
            if (detail != null) o["detail"] = Json.FromValue(detail);
        }
        if (Environment.GetEnvironmentVariable("WCFCLIENT_TRACE") == "1") o["trace"] = e.StackTrace;
        if (e.InnerException != null) o["inner"] = Describe(e.InnerException);
        return o;
    }
}
