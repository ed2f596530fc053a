// What DataContractSerializer makes of values of the rarer types: two lines for each, declared as its own type and as
// object. The lines are in tests/vectors/datavalues.xml.txt, made with .NET 10: an assembly of this file
//   mcs -langversion:7 -target:library -r:System.ServiceModel,System.Runtime.Serialization,System.Xml,System.Data DataValues.cs
// is given to the client with --contracts; calling IValues.Lines, whose argument cannot be made, fails with them.
using System; using System.Collections.Generic; using System.Data; using System.IO; using System.Runtime.Serialization; using System.ServiceModel; using System.Xml;
namespace Values {
[DataContract(Namespace="urn:v")] public struct Pt { [DataMember] public int X; [DataMember] public int Y; }
[DataContract(Namespace="urn:v")] public class HasPt { [DataMember] public Pt P; [DataMember] public Pt? Q; [DataMember(EmitDefaultValue=false)] public Pt R; }
[DataContract(Namespace="urn:v")] public class Res<T> { [DataMember] public T Value; }
[DataContract(Namespace="urn:v",IsReference=true)] public class Ref { [DataMember] public string Name; [DataMember] public Ref Next; [DataMember] public List<Ref> Kids; }
[DataContract(Namespace="urn:v",IsReference=true), KnownType(typeof(Dog))] public class Animal { [DataMember] public Animal Friend; }
[DataContract(Namespace="urn:v",IsReference=true)] public class Dog : Animal { [DataMember] public int Age; }
[DataContract(Namespace="urn:v")] public class Holder { [DataMember] public Ref A; [DataMember] public Ref B; [DataMember] public object O; }
[DataContract(Namespace="urn:v")] public class HasXml { [DataMember] public XmlElement E; [DataMember] public XmlNode[] N; [DataMember] public Own O; [DataMember] public DataSet S; }
[DataContract(Namespace="urn:v")] public class Mixed { [DataMember] public KeyValuePair<string,int> Kv; [DataMember] public Tuple<int,string> T; [DataMember] public ValueTuple<int,string> V; [DataMember] public HashSet<int> H; [DataMember] public object Db; }
[DataContract(Namespace="urn:v",Name="T y<p>e")] public class Odd { [DataMember(Name="a b")] public int A; [DataMember(Name="1st")] public int B; }
[CollectionDataContract(Namespace="urn:v",Name="C l",ItemName="i t")] public class OddList : List<int> {}
[DataContract(Namespace="urn:v",Name="E n")] public enum OddEnum { [EnumMember(Value="a b")] A, [EnumMember(Value="1st")] B }
public class Own : System.Xml.Serialization.IXmlSerializable { public System.Xml.Schema.XmlSchema GetSchema() { return null; } public void ReadXml(XmlReader r) { r.Skip(); } public void WriteXml(XmlWriter w) { w.WriteAttributeString("k","v"); w.WriteElementString("e","urn:e","1"); w.WriteString("t"); } }
[Serializable] public class Err : Exception { public int Code; public Err():base("bad"){} protected Err(SerializationInfo i, StreamingContext c):base(i,c){} public override void GetObjectData(SerializationInfo i, StreamingContext c) { base.GetObjectData(i,c); i.AddValue("Code",Code); i.AddValue("a b",2L); } }
public class Lines { public string Go { get { return ""; } set { throw new Exception(Prog.All()); } } }
[ServiceContract] public interface IValues { [OperationContract] void Lines(Lines l); }
public class Prog { static StringWriter o;
 static void W<T>(T v, params Type[] known) { One(typeof(T), "r", v, known); One(typeof(object), "o", v, new List<Type>(known){typeof(T)}); }
 static void One(Type t, string name, object v, IEnumerable<Type> known) {
  var s=new DataContractSerializer(t, name,"urn:r", known); var ms=new MemoryStream(); var w=XmlDictionaryWriter.CreateTextWriter(ms); s.WriteObject(w,v); w.Flush(); o.WriteLine(System.Text.Encoding.UTF8.GetString(ms.ToArray())); }
 public static string All() { o=new StringWriter(); o.NewLine="\n";
  W(new Pt{X=1}); W(new HasPt{Q=new Pt()}); W(new Pt[]{new Pt()}); W(new Pt?[]{null,new Pt()}); W(new Res<Pt>()); W(new Res<Pt?>()); W(new Dictionary<Pt,Pt>{{new Pt(),new Pt()}});
  var n=new Ref{Name="a"}; n.Next=n; W(n); W(new Holder{A=n,B=n,O=n}); var k=new Ref{Name="k"}; k.Kids=new List<Ref>{k,new Ref{Next=k},null}; W(k); W(new List<Ref>{n,n,null}); var d=new Dog{Age=3}; d.Friend=d; W<Animal>(d,typeof(Dog)); W(new object[]{d,d,n},typeof(Dog),typeof(Ref)); W(new Dictionary<string,Ref>{{"a",n},{"b",n}});
  W(new KeyValuePair<string,int>("k",1)); W(new KeyValuePair<string,Pt>("a",new Pt())); W(new List<KeyValuePair<string,int>>{new KeyValuePair<string,int>("a",1)}); W(Tuple.Create(1,"a")); W(Tuple.Create(1,"a",new Pt())); W(new Tuple<int,int,int,int,int,int,int,Tuple<int>>(1,2,3,4,5,6,7,Tuple.Create(8))); W(new ValueTuple<int,string>(1,null)); W(new List<ValueTuple<int,Pt>>{new ValueTuple<int,Pt>(1,new Pt())});
  W(new HashSet<int>{1}); W(new HashSet<string>{"a"}); W(new Mixed{Kv=new KeyValuePair<string,int>("k",1),T=Tuple.Create(1,"x"),V=new ValueTuple<int,string>(2,"y"),H=new HashSet<int>{1},Db=DBNull.Value},typeof(DBNull)); W(DBNull.Value); W(new object[]{DBNull.Value,new List<int>{1},new List<string>{"a"}},typeof(DBNull),typeof(List<int>),typeof(List<string>));
  var x=new XmlDocument(); x.LoadXml("<a x=\"1\" xmlns=\"urn:a\" xmlns:p=\"urn:p\" p:y=\"2\">t<p:b /><!--k--></a>"); W(x.DocumentElement); W(new List<XmlElement>{x.DocumentElement,null}); W(new Own()); W(new Res<Own>{Value=new Own()});
  var t=new DataTable("T"); t.Columns.Add("A",typeof(int)); t.Rows.Add(1); var s=new DataSet("S"); s.Tables.Add(t); W(s); W(new HasXml{E=x.DocumentElement,N=new XmlNode[]{x.DocumentElement,x.CreateTextNode("tt")},O=new Own(),S=s});
  W(new Err{Code=7}); W(new Odd()); W(new List<Odd>{new Odd()}); W(new Res<Odd>()); W(new OddList{1}); W(OddEnum.A); W(new List<OddEnum>{OddEnum.B});
  return o.ToString(); }
 static void Main() { Console.Write(All()); } }
}
