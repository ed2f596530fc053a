// The services behind the contracts of MoreContracts.cs and MoreXml.cs: each gives back what came.
using System;
using System.Collections.Generic;
using System.ServiceModel;

namespace Peers.More
{
    [ServiceBehavior(InstanceContextMode = InstanceContextMode.PerCall)]
    public class Names : INames
    {
        public int größe(int ø) { return ø; }
        public int Encoded(int a) { return a; }
        public void Fail(int a) { throw new FaultException<OddNames>(new OddNames { Blank = a, Angle = "<>" }, "as asked"); }
        public OddNames EchoNames(OddNames value) { return value; }
        public List<OddNames> EchoList(List<OddNames> value) { return value; }
        public PlainMessage EchoMessage(PlainMessage value) { return value; }
    }

    [ServiceBehavior(InstanceContextMode = InstanceContextMode.PerCall)]
    public class Values : IValues
    {
        public Point EchoPoint(Point value) { return value; }
        public Line EchoLine(Line value) { return value; }
        public Result<int> EchoResult(Result<int> value) { return value; }
        public Result<Point> EchoPointResult(Result<Point> value) { return value; }
        public List<Point?> EchoPoints(List<Point?> value) { return value; }
        public Ring EchoRing(Ring value) { return value; }
        public KeyValuePair<string, int> EchoPair(KeyValuePair<string, int> value) { return value; }
        public List<KeyValuePair<string, Point>> EchoPairs(List<KeyValuePair<string, Point>> value) { return value; }
        public Tuple<int, string> EchoTuple(Tuple<int, string> value) { return value; }
        public ValueTuple<int, string> EchoValueTuple(ValueTuple<int, string> value) { return value; }
        public HashSet<string> EchoSet(HashSet<string> value) { return value; }
        public object EchoObject(object value) { return value; }
        public NullBox EchoNull(NullBox value) { return value; }
        public AnyBox EchoAny(AnyBox value) { return value; }
        public XmlBox EchoXml(XmlBox value) { return value; }
        public ErrorBox EchoError(ErrorBox value) { return value; }
        public int None(string what) { return 0; }
        public DateTime NoDate(string what) { return default(DateTime); }
        public void Fail(string kind)
        {
            switch (kind)
            {
                case "int": throw Of(7);
                case "string": throw Of("seven");
                case "guid": throw Of(new Guid(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7));
                case "decimal": throw Of(7.50m);
                case "ints": throw Of(new[] { 7, 8 });
                case "strings": throw Of(new[] { "seven", "eight" });
                case "point": throw Of(new Point { X = 7, Y = 8 });
                case "bool": throw Of(true);
                case "result": throw Of(new Result<int> { Value = 7 });
                case "map": throw Of(new Dictionary<string, int> { { "seven", 7 } });
                default: throw new ArgumentException(kind);
            }
        }

        static FaultException<T> Of<T>(T detail) { return new FaultException<T>(detail, "as asked"); }
    }

    [ServiceBehavior(InstanceContextMode = InstanceContextMode.PerCall)]
    public class Shapes : IShapes
    {
        public Everything Echo(Everything value) { return value; }
        public Base EchoBase(Base value) { return value; }
        public Texted EchoText(Texted value) { return value; }
        public int? EchoMaybe(int? value) { return value; }
        public int Add(int a, int b) { return a + b; }
        public int[] EchoNumbers(int[] values) { return values; }
        public string[][] EchoGrid(string[][] values) { return values; }
        public Bare EchoBare(Bare value) { return value; }
        public void Swap(ref string a, ref int b) { var text = a; a = b.ToString(); b = int.Parse(text); }
    }
}
