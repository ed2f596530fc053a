// Contracts with XmlSerializerFormat, beside those of MoreContracts.cs: each member is something else in XML. What JSON
// cannot say (choices, XML of any kind) has a property of text beside it.
using System;
using System.ComponentModel;
using System.ServiceModel;
using System.Xml;
using System.Xml.Serialization;

namespace Peers.More
{
    public enum Tint { [XmlEnum("r-ed")] Red, Green }
    [Flags] public enum Marks { [XmlEnum("one")] One = 1, [XmlEnum("two")] Two = 2, Four = 4 }
    public enum Which { first, second }

    [XmlType(Namespace = "urn:circle")] public class Disc { [XmlAttribute] public double Radius; }
    [XmlType("Sq", Namespace = "urn:square")] public class Quad { public double Side; }

    [XmlType(Namespace = "urn:base"), XmlInclude(typeof(Derived)), System.Runtime.Serialization.KnownType(typeof(Derived))] public class Base { public string Name; }
    [XmlType(Namespace = "urn:derived")] public class Derived : Base { public int Extra; [XmlAttribute] public int Att; }

    [XmlType(Namespace = "urn:shapes")]
    public class Everything
    {
        [XmlAttribute("id")] public string Id;
        [XmlAttribute] public Tint Tint;
        [XmlAttribute] public int[] Numbers;
        [XmlAttribute(Namespace = "urn:attributes")] public bool Flag;
        [XmlAttribute, DefaultValue(3)] public int Three = 3;
        public Marks Marks;
        public int Weight; [XmlIgnore] public bool WeightSpecified;
        public int? Maybe;
        [XmlElement(IsNullable = true)] public string Note;
        [XmlElement("plain", Namespace = "")] public string Plain;
        [XmlArray("rows"), XmlArrayItem("row")] public string[] Rows;
        [XmlArrayItem("n", Namespace = "urn:items")] public int?[] Perhaps;
        public int[][] Grid;
        [XmlElement(DataType = "date")] public DateTime Day;
        [XmlElement(DataType = "time")] public DateTime Time;
        [XmlElement(DataType = "hexBinary")] public byte[] Hash;
        [DefaultValue(5)] public int Five = 5;
        public Base Based;
        public Guid Key; public decimal Price; public char Letter; public byte[] Bytes; public DateTime When; public double Ratio;
        public float Single; public long Big; public ulong Bigger; public sbyte Small; public bool Yes; public string Empty;
        [XmlElement("circle", typeof(Disc)), XmlElement("square", typeof(Quad)), XmlElement("word", typeof(string))] public object Shape;
        [XmlElement("i", typeof(int)), XmlElement("s", typeof(string))] public object[] Mixed;
        [XmlElement("first", typeof(int)), XmlElement("second", typeof(int)), XmlChoiceIdentifier("Which")] public int Numbered; [XmlIgnore] public Which Which;
        public object Anything;
    }

    [XmlType(Namespace = "urn:shapes")] public class Texted { [XmlAttribute] public string Lang; [XmlText] public double Value; }

    [MessageContract(IsWrapped = false)]
    public class Bare { [MessageBodyMember(Namespace = "urn:bare")] public Base Content; [MessageHeader] public Texted Head; }

    [ServiceContract(Namespace = "urn:shapes"), XmlSerializerFormat]
    public interface IShapes
    {
        [OperationContract, XmlSerializerFormat] Everything Echo(Everything value);
        [OperationContract, XmlSerializerFormat] Base EchoBase(Base value);
        [OperationContract, XmlSerializerFormat] Texted EchoText(Texted value);
        [OperationContract, XmlSerializerFormat] int? EchoMaybe(int? value);
        [OperationContract, XmlSerializerFormat] int Add(int a, int b);
        [OperationContract, XmlSerializerFormat] int[] EchoNumbers(int[] values);
        [OperationContract, XmlSerializerFormat] string[][] EchoGrid(string[][] values);
        [OperationContract, XmlSerializerFormat] Bare EchoBare(Bare value);
        [OperationContract, XmlSerializerFormat] void Swap(ref string a, ref int b);
    }
}
