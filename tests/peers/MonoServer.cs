// The services on Mono's own System.ServiceModel. Ends at "quit" or end of standard input.
//   mcs -langversion:7 -d:MONO -r:System.ServiceModel -r:System.Runtime.Serialization -r:System.Xml -r:System.Data -out:monoserver.exe \
//       Contracts.cs MoreContracts.cs MoreXml.cs Services.cs MoreServices.cs MonoBindings.cs MonoServer.cs
//   mono monoserver.exe --name=one --binding=none IBasic=net.tcp://127.0.0.1:9000/basic[@net.tcp://127.0.0.1:9100/basic] …
// The address is what clients call; the part after @ is where this process listens (ListenUri), for use behind a shared port.
using System;
using System.Collections.Generic;
using System.ServiceModel;
using System.ServiceModel.Description;
using System.Threading;

namespace Peers
{
    public static class MonoServer
    {
        static readonly Dictionary<string, KeyValuePair<Type, Type>> known = new Dictionary<string, KeyValuePair<Type, Type>> {
            { "IBasic", new KeyValuePair<Type, Type>(typeof(IBasic), typeof(Basic)) }, { "IData", new KeyValuePair<Type, Type>(typeof(IData), typeof(Data)) },
            { "IStreams", new KeyValuePair<Type, Type>(typeof(IStreams), typeof(Streams)) }, { "IDuplex", new KeyValuePair<Type, Type>(typeof(IDuplex), typeof(Duplex)) },
            { "ISession", new KeyValuePair<Type, Type>(typeof(ISession), typeof(Session)) }, { "IXml", new KeyValuePair<Type, Type>(typeof(IXml), typeof(Xml)) },
            { "IUntyped", new KeyValuePair<Type, Type>(typeof(IUntyped), typeof(Untyped)) }, { "INames", new KeyValuePair<Type, Type>(typeof(More.INames), typeof(More.Names)) },
            { "IValues", new KeyValuePair<Type, Type>(typeof(More.IValues), typeof(More.Values)) }, { "IShapes", new KeyValuePair<Type, Type>(typeof(More.IShapes), typeof(More.Shapes)) } };

        public static int Main(string[] args)
        {
            ThreadPool.SetMinThreads(64, 64);
            string binding = "none";
            var hosts = new List<ServiceHost>();
            foreach (var a in args)
            {
                if (a.StartsWith("--name=")) { Basic.Name = a.Substring(7); continue; }
                if (a.StartsWith("--binding=")) { binding = a.Substring(10); continue; }
                var parts = a.Split(new[] { '=' }, 2);
                var where = parts[1].Split('@');
                var pair = known[parts[0]];
                var host = new ServiceHost(pair.Value);
                if (where.Length > 1) host.AddServiceEndpoint(pair.Key, MonoBindings.Make(binding), where[0], new Uri(where[1])); else host.AddServiceEndpoint(pair.Key, MonoBindings.Make(binding), where[0]);
                host.Description.Behaviors.Add(new ServiceThrottlingBehavior { MaxConcurrentCalls = 1000, MaxConcurrentSessions = 1000, MaxConcurrentInstances = 1000 });
                host.Open();
                hosts.Add(host);
            }
            Console.WriteLine("READY"); Console.Out.Flush();
            string line;
            while ((line = Console.ReadLine()) != null && line != "quit") { }
            foreach (var h in hosts) h.Abort();
            Environment.Exit(0);
            return 0;
        }
    }
}
