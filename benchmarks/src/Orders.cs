// Orders with many lines, and items of nine members: the contract that real data is measured by, and a service of it
// for Mono. On the wire it is that of harness/transport/orders.py; the lists are in private members, so that the
// measuring program does not make JSON of them.
//   mcs -langversion:7 -target:library -r:System.ServiceModel -r:System.Runtime.Serialization -out:Orders.dll Orders.cs
//   mcs -langversion:7 -r:System.ServiceModel -r:System.Runtime.Serialization -out:orders.exe Orders.cs
//   mono orders.exe net.tcp://127.0.0.1:9000/orders
using System;
using System.Collections.Generic;
using System.Runtime.Serialization;
using System.ServiceModel;
using System.ServiceModel.Description;

namespace Benchmarks
{
    [DataContract(Namespace = "urn:bench:orders")]
    public class Line
    {
        [DataMember] public string Article;
        [DataMember] public int Count;
        [DataMember] public decimal Price;
        [DataMember] public double? Discount;
    }

    [DataContract(Namespace = "urn:bench:orders")]
    public class Order
    {
        static List<Line> last = new List<Line>();

        [DataMember] string Customer = "Customer";
        [DataMember] List<Line> Lines;

        public int Length
        {
            get { return Lines.Count; }
            set { if (last.Count != value) last = Make(value); Lines = last; }
        }

        static List<Line> Make(int count)
        {
            var made = new List<Line>();
            for (int i = 0; i < count; i++)
                made.Add(new Line { Article = "article " + i, Count = i, Price = i * 1.25m + 0.99m, Discount = i % 3 == 0 ? (double?)(i * 0.01) : null });
            return made;
        }
    }

    [DataContract(Namespace = "urn:bench:orders")]
    public enum State { [EnumMember] Open, [EnumMember] Sent, [EnumMember] Paid }

    [DataContract(Namespace = "urn:bench:orders")]
    public class Place
    {
        [DataMember] public string City;
        [DataMember] public int Zip;
    }

    [DataContract(Namespace = "urn:bench:orders")]
    public class Item
    {
        [DataMember] public Guid Id;
        [DataMember] public DateTime When;
        [DataMember] public State State;
        [DataMember] public Place Place;
        [DataMember] public List<string> Tags;
        [DataMember] public decimal Price;
        [DataMember] public double Weight;
        [DataMember] public string Note;
        [DataMember] public int? Limit;
    }

    [DataContract(Namespace = "urn:bench:orders")]
    public class Store
    {
        static List<Item> last = new List<Item>();

        [DataMember] List<Item> Items;

        public int Length
        {
            get { return Items.Count; }
            set { if (last.Count != value) last = Make(value); Items = last; }
        }

        static List<Item> Make(int count)
        {
            var made = new List<Item>();
            for (int i = 0; i < count; i++)
                made.Add(new Item
                {
                    Id = new Guid(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), When = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(i),
                    State = (State)(i % 3), Place = new Place { City = "city " + i, Zip = 10000 + i },
                    Tags = new List<string> { "tag", "other " + i }, Price = i * 1.25m + 0.99m, Weight = i * 0.1,
                });
            return made;
        }
    }

    [ServiceContract(Namespace = "urn:bench:orders")]
    public interface IOrders
    {
        [OperationContract] Order PutOrder(Order order);
        [OperationContract] Store PutStore(Store store);
    }

    [ServiceBehavior(InstanceContextMode = InstanceContextMode.PerCall, ConcurrencyMode = ConcurrencyMode.Multiple)]
    public class Orders : IOrders
    {
        public Order PutOrder(Order order) { return order; }
        public Store PutStore(Store store) { return store; }

        public static void Main(string[] args)
        {
            System.Threading.ThreadPool.SetMinThreads(64, 64);
            var host = new ServiceHost(typeof(Orders));
            host.AddServiceEndpoint(typeof(IOrders), new NetTcpBinding(SecurityMode.None) { MaxReceivedMessageSize = 1 << 26, MaxBufferSize = 1 << 26 }, args[0]);
            host.Description.Behaviors.Add(new ServiceThrottlingBehavior { MaxConcurrentCalls = 1000, MaxConcurrentSessions = 1000, MaxConcurrentInstances = 1000 });
            host.Open();
            Console.WriteLine("listening");
            Console.Out.Flush();
            System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite);
        }
    }
}
