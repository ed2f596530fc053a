// Contracts for a client of Microsoft's that is already built: an assembly that mcs makes of this file is given to it
// with --contracts. What JSON cannot say (cycles, XML, DataSet) is a private member with a property of text beside it.
using System;
using System.Collections.Generic;
using System.Data;
using System.Runtime.Serialization;
using System.ServiceModel;
using System.Xml;
using System.Xml.Serialization;

namespace Peers.More
{
    // ---- names that XML does not have -----------------------------------------------------------------------------

    [DataContract(Namespace = "urn:more", Name = "Odd names")]
    public class OddNames
    {
        [DataMember(Name = "a b")] public int Blank;
        [DataMember(Name = "<N>k__BackingField")] public string Angle;
        [DataMember(Name = "1st")] public int First;
        [DataMember(Name = "class")] public int Plain;
        [DataMember(Name = "größe")] public int Size;
        [DataMember(Name = "_x0041_")] public int Encoded;
    }

    [MessageContract(WrapperName = "W r")]
    public class OddMessage
    {
        [MessageHeader(Name = "h d")] public string Head;
        [MessageHeaderArray(Name = "n s")] public int[] Numbers;
        [MessageHeaderArray] public string[] Words;
        [MessageHeader] public int[] List;
        [MessageBodyMember(Name = "b m")] public int Body;
    }

    [ServiceContract(Namespace = "urn:more", Name = "I Odd")]
    public interface IOdd
    {
        [OperationContract(Name = "Do It!")]
        [return: MessageParameter(Name = "r s")]
        int DoIt([MessageParameter(Name = "a-b c")] int x, [MessageParameter(Name = "1st")] int y);
        [OperationContract] int größe(int ø);
        [OperationContract(Name = "_x0041_")] int Encoded(int a);
        [OperationContract(Name = "Fa il")]
        [FaultContract(typeof(OddNames), Name = "F t")]
        void Fail(int a);
        [OperationContract] OddNames EchoNames(OddNames value);
        [OperationContract] List<OddNames> EchoList(List<OddNames> value);
        [OperationContract] OddMessage EchoMessage(OddMessage value);
    }

    // The same for Mono, which refuses contracts, operations, parameters and headers whose name is none in XML.
    [MessageContract]
    public class PlainMessage
    {
        [MessageHeader] public string Head;
        [MessageHeaderArray] public int[] Numbers;
        [MessageHeader] public int[] List;
        [MessageBodyMember] public int Body;
    }

    [ServiceContract(Namespace = "urn:more")]
    public interface INames
    {
        [OperationContract] int größe(int ø);
        [OperationContract(Name = "_x0041_")] int Encoded(int a);
        [OperationContract, FaultContract(typeof(OddNames))] void Fail(int a);
        [OperationContract] OddNames EchoNames(OddNames value);
        [OperationContract] List<OddNames> EchoList(List<OddNames> value);
        [OperationContract] PlainMessage EchoMessage(PlainMessage value);
    }

    // ---- values ---------------------------------------------------------------------------------------------------

    [DataContract(Namespace = "urn:more")] public struct Point { [DataMember] public int X; [DataMember] public int Y; }
    [DataContract(Namespace = "urn:more")] public class Result<T> { [DataMember] public T Value; [DataMember] public string Error; }
    [DataContract(Namespace = "urn:more")] public class Line { [DataMember] public Point From; [DataMember] public Point? To; }

    [DataContract(Namespace = "urn:more", IsReference = true)]
    public class RingNode { [DataMember] public string Name; [DataMember] public RingNode Next; }

    [DataContract(Namespace = "urn:more")]
    public class Ring
    {
        [DataMember] RingNode first;
        public string Names     // "a b c" is a ring of three
        {
            get
            {
                var seen = new List<RingNode>();
                var names = new List<string>();
                for (var node = first; node != null; node = node.Next)
                {
                    if (seen.Contains(node)) { names.Add("->" + node.Name); break; }
                    seen.Add(node);
                    names.Add(node.Name);
                }
                return string.Join(" ", names.ToArray());
            }
            set
            {
                RingNode last = null;
                foreach (var name in value.Split(' '))
                {
                    var node = new RingNode { Name = name };
                    if (last == null) first = node; else last.Next = node;
                    last = node;
                }
                last.Next = first;
            }
        }
    }

    public class Written : IXmlSerializable
    {
        public string Text = "";
        public System.Xml.Schema.XmlSchema GetSchema() { return null; }
        public void ReadXml(XmlReader reader) { Text = reader.GetAttribute("k") + "|" + reader.ReadInnerXml(); }
        public void WriteXml(XmlWriter writer) { writer.WriteAttributeString("k", "v"); writer.WriteElementString("e", "urn:e", Text); }
    }

    [DataContract(Namespace = "urn:more")]
    public class XmlBox
    {
        [DataMember] XmlElement element;
        [DataMember] Written written;
        [DataMember] DataSet set;
        public string Element
        {
            get { return element == null ? null : element.OuterXml; }
            set { var document = new XmlDocument(); document.LoadXml(value); element = document.DocumentElement; }
        }
        public string Written
        {
            get { return written == null ? null : written.Text; }
            set { written = new Written { Text = value }; }
        }
        public int[] Rows
        {
            get
            {
                if (set == null) return null;
                var rows = new List<int>();
                foreach (DataRow row in set.Tables["T"].Rows) rows.Add((int)row["A"]);
                return rows.ToArray();
            }
            set
            {
                var table = new DataTable("T");
                table.Columns.Add("A", typeof(int));
                foreach (var one in value) table.Rows.Add(one);
                set = new DataSet("S");
                set.Tables.Add(table);
            }
        }
    }

    [Serializable]
    public class SoldOut : Exception
    {
        public int Code;
        public SoldOut(string message) : base(message) { }
        protected SoldOut(SerializationInfo info, StreamingContext context) : base(info, context) { Code = info.GetInt32("Code"); }
        public override void GetObjectData(SerializationInfo info, StreamingContext context) { base.GetObjectData(info, context); info.AddValue("Code", Code); }
    }

    [DataContract(Namespace = "urn:more")]
    public class ErrorBox
    {
        [DataMember] SoldOut error;
        public string Said
        {
            get { return error == null ? null : error.Message + " " + error.Code; }
            set { error = new SoldOut(value) { Code = 7 }; }
        }
    }

    [DataContract(Namespace = "urn:more"), KnownType(typeof(DBNull))]
    public class NullBox
    {
        [DataMember] object value;
        public bool IsDBNull { get { return value == DBNull.Value; } set { this.value = value ? DBNull.Value : null; } }
    }

    [DataContract(Namespace = "urn:more"), KnownType(typeof(List<int>)), KnownType(typeof(List<string>)), KnownType(typeof(Point))]
    public class AnyBox { [DataMember] public object Value; }

    [ServiceContract(Namespace = "urn:more")]
    public interface IValues
    {
        [OperationContract] Point EchoPoint(Point value);
        [OperationContract] Line EchoLine(Line value);
        [OperationContract] Result<int> EchoResult(Result<int> value);
        [OperationContract] Result<Point> EchoPointResult(Result<Point> value);
        [OperationContract] List<Point?> EchoPoints(List<Point?> value);
        [OperationContract] Ring EchoRing(Ring value);
        [OperationContract] KeyValuePair<string, int> EchoPair(KeyValuePair<string, int> value);
        [OperationContract] List<KeyValuePair<string, Point>> EchoPairs(List<KeyValuePair<string, Point>> value);
        [OperationContract] Tuple<int, string> EchoTuple(Tuple<int, string> value);
        [OperationContract] ValueTuple<int, string> EchoValueTuple(ValueTuple<int, string> value);
        [OperationContract] HashSet<string> EchoSet(HashSet<string> value);
        [OperationContract, ServiceKnownType(typeof(List<int>)), ServiceKnownType(typeof(List<string>)), ServiceKnownType(typeof(Result<int>))]
        object EchoObject(object value);
        [OperationContract, ServiceKnownType(typeof(DBNull))] NullBox EchoNull(NullBox value);
        [OperationContract] AnyBox EchoAny(AnyBox value);
        [OperationContract] XmlBox EchoXml(XmlBox value);
        [OperationContract] ErrorBox EchoError(ErrorBox value);
        [OperationContract] int None(string what);
        [OperationContract] DateTime NoDate(string what);
        [OperationContract]
        [FaultContract(typeof(int)), FaultContract(typeof(string)), FaultContract(typeof(Guid)), FaultContract(typeof(decimal))]
        [FaultContract(typeof(int[])), FaultContract(typeof(string[])), FaultContract(typeof(Result<int>)), FaultContract(typeof(Dictionary<string, int>)), FaultContract(typeof(Point)), FaultContract(typeof(bool))]
        void Fail(string kind);
    }
}
